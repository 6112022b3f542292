/* The report of --usage. */
#ifndef WSB_CLI_REPORT_H
#define WSB_CLI_REPORT_H

#include "session.h"

/* Writes the report that was asked for, if any, to stderr. */
void cli_report(const cli_session *session, int exit_status);

/* Writes a JSON value and a newline; releases it. False where that failed. */
bool cli_write_json(FILE *out, json_t *value, size_t flags);

/* A JSON string of text that a guest or file may have chosen; never NULL for want of UTF-8. */
json_t *cli_json_text(const char *data, size_t len);

#endif
