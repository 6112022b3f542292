/* The engines that there are, as `engines` and `inspect` tell of them. */
#ifndef WSB_CLI_ENGINE_LIST_H
#define WSB_CLI_ENGINE_LIST_H

#include <jansson.h>

#include "settings.h"

typedef struct cli_engine_list {
    wsb_runtime_factory *factory; /* what the texts in `items` belong to */
    wsb_engine_info *items;
    size_t count;
    const char *default_id; /* of the engine that is used where none is named; "" where none is */
} cli_engine_list;

/* All engines, with that of --engine-path; or only the one of --engine, where that is given.
 * Loads them. Where it fails, says so, sets the command's exit status and returns false. Nothing
 * is released: the process ends soon. */
bool cli_engine_list_open(const cli_settings *settings, cli_engine_list *out_list, int *out_exit);

/* Engines that have all of these features, "wasmtime or wasmer"; "" where there is none. Never
 * NULL; the caller frees it. Says nothing. */
char *cli_engines_with(const cli_settings *settings, uint32_t features);

/* The feature whose want the subject of an error tells, where another engine may have it; or 0. */
uint32_t cli_feature_of(const char *subject);

/* The names of feature bits, in the order of the bits. */
json_t *cli_feature_names(uint32_t features);

/* Writes items in 80 columns: the first after `title`, further lines from column `indent` on. */
typedef struct cli_column {
    size_t indent;
    size_t used; /* of the line at hand */
    bool started;
} cli_column;

void cli_column_start(cli_column *column, const char *title, size_t indent);

/* `separator` stands between it and the item before, in front of a space or line end; or 0. */
void cli_column_add(cli_column *column, const char *item, char separator);

/* Ends the line; `nothing` is written where there was no item. */
void cli_column_end(cli_column *column, const char *nothing);

#endif
