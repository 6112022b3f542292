/* One start of one module: from the settings to a finished call, and how it ended. */
#ifndef WSB_CLI_SESSION_H
#define WSB_CLI_SESSION_H

#include "exit_status.h"
#include "refusals.h"
#include "settings.h"

typedef struct cli_session {
    const cli_settings *settings;
    const char *path;           /* of the module, as given */
    wsb_resource_limits limits; /* what the instance is made with */
    wsb_runtime *runtime;
    wsb_module *module;
    wsb_instance *instance;
    cli_stage stage;
    wsb_status status;
    wsb_error *error;
    int32_t exit_code;
    const char *message; /* why the command itself refused, where there is no error */
    const char *suggestion;
    bool key_failed;
    char key_problem[256]; /* why compiled modules cannot be kept or taken, "" where they can */
    cli_refusals refusals;
} cli_session;

/*
 * Nothing in a session is released: the process ends right after it, and unmapping an engine
 * and its code first would only make that later.
 */
void cli_session_init(cli_session *session, const cli_settings *settings, const char *path);

/* Makes the runtime; loads the module. Each returns whether it worked, else the session has
 * status and error. Nothing is printed. */
bool cli_session_open(cli_session *session);
bool cli_session_load(cli_session *session);

/* Makes the instance and lets interrupts cancel it. Grants the settings' directories and
 * environment, clocks and random numbers; the streams are the caller's choice. */
bool cli_session_instantiate(cli_session *session, wsb_capabilities *capabilities);

/* Ends the session with a reason of the command's own. Both texts are borrowed. */
void cli_session_refuse(cli_session *session, wsb_status status, const char *message,
                        const char *suggestion);

/* The guest's own exit code, where it exited. */
int32_t cli_session_exit_code(const cli_session *session);

/* Tells on stderr how it ended, with a report where one was asked for, and gives the command's
 * exit status. */
int cli_session_finish(cli_session *session);

/* The file's name without its folders. */
const char *cli_base_name(const char *path);

#endif
