/* Messages for people: everything goes to stderr, and nothing that a guest chose reaches the
 * terminal unescaped. */
#ifndef WSB_CLI_TEXT_H
#define WSB_CLI_TEXT_H

#include <stdio.h>
#include <wasm_sandbox/error.h>

#define CLI_NAME "wasm-sandbox"

/* A copy of `data` in which control characters, bidirectional overrides and bytes that are not
 * UTF-8 are written as \xNN. Never NULL; the caller frees it. */
char *cli_escape(const char *data, size_t len, bool keep_newlines);

/* Whether all of it is UTF-8 (RFC 3629). */
bool cli_is_utf8(const char *data, size_t len);

/* From now on failures are of this line of a file: "wasm-sandbox: path:3: <message>". NULL ends
 * that. */
void cli_set_origin(const char *path, size_t line);

/* "wasm-sandbox: <message>" on stderr. */
void cli_fail(const char *format, ...) WSB_PRINTF(1, 2);

/* "wasm-sandbox: note: <message>". */
void cli_note(const char *format, ...) WSB_PRINTF(1, 2);

/* "  try: <message>", the line after a failure or a note. */
void cli_try(const char *format, ...) WSB_PRINTF(1, 2);

/* Message, guest backtrace and suggestion of an error. Borrows it; NULL tells of lost details.
 * `better` takes the suggestion's place unless it is NULL. */
void cli_print_error(const wsb_error *error, wsb_status status, const char *better);

/* The library's suggestion in the command's words: names of fields become flags. Never NULL; the
 * caller frees it; "" where there is nothing to suggest. */
char *cli_suggestion(const wsb_error *error);

/* The flag that changes a limit or capability, "--memory SIZE"; NULL for one without a flag. */
const char *cli_flag_of(const char *subject);

typedef enum cli_unit { CLI_UNIT_COUNT, CLI_UNIT_BYTES, CLI_UNIT_TIME } cli_unit;

/* The unit that a limit's values are in. */
cli_unit cli_unit_of(const char *subject);

/* "1.5 MiB", "12.3 ms", "16"; "no limit" for WSB_UNLIMITED. Returns `buffer`. */
const char *cli_format(uint64_t value, cli_unit unit, char *buffer, size_t capacity);

/* How many edits lead from one word to the other. */
size_t cli_edit_distance(const char *a, const char *b);

/* malloc that ends the command with a message where the host is out of memory. */
void *cli_allocate(size_t size);
void *cli_reallocate(void *old, size_t size);

#endif
