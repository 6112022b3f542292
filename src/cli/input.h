/* Files that options name. */
#ifndef WSB_CLI_INPUT_H
#define WSB_CLI_INPUT_H

#include <wasm_sandbox/base.h>

/* The most that --json-file and --msgpack-file take. */
#define CLI_INPUT_MAX ((size_t)256 * 1024 * 1024)

/* Opens a file for reading. Where that fails, says so, sets the command's exit status and returns
 * -1. */
int cli_open_input(const char *option, const char *path, int *out_exit);

/* Reads a whole file of at most `max` bytes, or standard input for "-". The caller frees
 * `out_data->data`. Where it fails, says so, sets the command's exit status and returns false. */
bool cli_read_file(const char *option, const char *path, size_t max, wsb_buf *out_data,
                   int *out_exit);

#endif
