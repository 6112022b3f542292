/* What the guest was refused, collected while it runs and told afterwards. */
#ifndef WSB_CLI_REFUSALS_H
#define WSB_CLI_REFUSALS_H

#include <jansson.h>
#include <wasm_sandbox/event.h>

#include "settings.h"

#define CLI_REFUSALS_KEPT 16
#define CLI_REFUSAL_TEXT 200

typedef struct cli_refusal {
    wsb_event_kind kind;
    char operation[48];
    char subject[48];
    char detail[CLI_REFUSAL_TEXT];
    uint64_t used;
    uint64_t allowed;
    uint64_t count;
} cli_refusal;

/* The first different ones; a guest that is refused a million times costs no more than these. */
typedef struct cli_refusals {
    cli_refusal kept[CLI_REFUSALS_KEPT];
    size_t kept_count;
    uint64_t dropped; /* events beyond those that are kept */
} cli_refusals;

/* A wsb_event_fn; `user_data` is a cli_refusals. */
void cli_refusals_add(const wsb_event *event, void *user_data);

/* What is to be told of them. */
typedef struct cli_refusals_view {
    bool all;             /* else only output that was cut off, which is never kept quiet */
    const char *told;     /* the subject of the error that was told already, "" for none */
    bool has_directories; /* some were granted */
    bool has_writable;    /* and some of them read-write */
} cli_refusals_view;

/* Tells them on stderr, with the flag that would allow each. */
void cli_refusals_print(const cli_refusals *refusals, const cli_refusals_view *view);

/* An array for the usage report. */
json_t *cli_refusals_json(const cli_refusals *refusals);

#endif
