#include "session.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "engine_list.h"
#include "interrupt.h"
#include "report.h"
#include "text.h"

void cli_session_init(cli_session *session, const cli_settings *settings, const char *path)
{
    memset(session, 0, sizeof *session);
    session->settings = settings;
    session->path = path;
    session->limits = settings->limits;
}

const char *cli_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void keep_problem(cli_session *session, wsb_error *error, wsb_status status)
{
    session->key_failed = true;
    snprintf(session->key_problem, sizeof session->key_problem, "%s",
             error ? wsb_error_message(error) : wsb_status_text(status));
    wsb_error_destroy(error);
}

static bool make_runtime(cli_session *session, wsb_runtime_factory *factory, const char *engine,
                         const wsb_runtime_options *options)
{
    if (factory) {
        session->status = wsb_runtime_factory_create_runtime(factory, wsb_cstr(engine), options,
                                                             &session->runtime, &session->error);
    } else {
        session->status =
            wsb_runtime_create(wsb_cstr(engine), options, &session->runtime, &session->error);
    }
    return session->status == WSB_OK;
}

/* With the user's key and cache where they can be had, else without: a home that cannot be
 * written to is no reason not to run. */
static bool make_runtime_with_cache(cli_session *session, wsb_runtime_factory *factory,
                                    const char *engine)
{
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    wsb_code_cache cache = WSB_CODE_CACHE_INIT;
    wsb_buf directory = WSB_BUF_INIT;
    wsb_buf key_path = WSB_BUF_INIT;
    wsb_error *error = NULL;
    options.avoid_pool = true; /* one instance: a pool would cost more than it saves */
    wsb_status status = wsb_code_cache_default_paths(&directory, &key_path, &error);
    if (status != WSB_OK) {
        keep_problem(session, error, status);
        return make_runtime(session, factory, engine, &options);
    }
    cache.directory = (wsb_str){(const char *)directory.data, directory.len};
    options.key_path = (wsb_str){(const char *)key_path.data, key_path.len};
    options.code_cache = session->settings->no_cache ? NULL : &cache;
    if (make_runtime(session, factory, engine, &options)) {
        return true;
    }
    error = session->error;
    status = session->status;
    session->error = NULL;
    options.key_path = (wsb_str){NULL, 0};
    options.code_cache = NULL;
    if (!make_runtime(session, factory, engine, &options)) {
        wsb_error_destroy(error);
        return false;
    }
    keep_problem(session, error, status);
    return true;
}

bool cli_session_open(cli_session *session)
{
    const cli_settings *settings = session->settings;
    const char *engine = settings->engine;
    wsb_runtime_factory *factory = NULL;
    session->stage = CLI_STAGE_SETUP;
    if (settings->engine_path) {
        const char *id = NULL;
        session->status = wsb_runtime_factory_create(&factory, &session->error);
        if (session->status == WSB_OK) {
            session->status = wsb_runtime_factory_load(factory, wsb_cstr(settings->engine_path),
                                                       &id, &session->error);
        }
        if (session->status != WSB_OK) {
            return false;
        }
        engine = engine ? engine : id;
    }
    if (!make_runtime_with_cache(session, factory, engine)) {
        return false;
    }
    if (session->key_failed && settings->verbose) {
        cli_note("compiled modules are not kept: %s", session->key_problem);
    }
    return true;
}

bool cli_session_load(cli_session *session)
{
    wsb_module_options options = WSB_MODULE_OPTIONS_INIT;
    options.name = wsb_cstr(cli_base_name(session->path));
    options.limits = &session->limits;
    options.bounds = &session->settings->bounds;
    session->stage = CLI_STAGE_LOAD;
    session->status = wsb_module_compile_file(session->runtime, wsb_cstr(session->path), &options,
                                              &session->module, &session->error);
    return session->status == WSB_OK;
}

bool cli_session_instantiate(cli_session *session, wsb_capabilities *capabilities)
{
    const cli_settings *settings = session->settings;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    capabilities->filesystem = settings->dirs;
    capabilities->filesystem_count = settings->dir_count;
    capabilities->environment = settings->env;
    capabilities->environment_count = settings->env_count;
    capabilities->clocks = WSB_CLOCK_ALL;
    capabilities->random = settings->seeded ? WSB_RANDOM_SEEDED : WSB_RANDOM_SYSTEM;
    capabilities->random_seed = settings->seed;
    config.capabilities = capabilities;
    config.limits = &session->limits;
    config.on_event = cli_refusals_add;
    config.on_event_data = &session->refusals;
    session->stage = CLI_STAGE_INSTANTIATE;
    session->status =
        wsb_instance_create(session->module, &config, &session->instance, &session->error);
    if (session->status != WSB_OK) {
        return false;
    }
    cli_interrupt_cancels(session->instance);
    session->stage = CLI_STAGE_CALL;
    return true;
}

void cli_session_refuse(cli_session *session, wsb_status status, const char *message,
                        const char *suggestion)
{
    session->status = status;
    session->message = message;
    session->suggestion = suggestion;
}

int32_t cli_session_exit_code(const cli_session *session)
{
    return session->error ? wsb_error_code(session->error) : session->exit_code;
}

static int exit_status_of(const cli_session *session)
{
    struct stat file;
    if (session->stage == CLI_STAGE_LOAD && session->status == WSB_ERROR_INVALID_ARGUMENT &&
        stat(session->path, &file) == 0 && S_ISDIR(file.st_mode)) {
        return CLI_EXIT_NOT_A_MODULE;
    }
    return cli_exit_status(session->status, session->stage, cli_session_exit_code(session));
}

/* For a module that needs more than its engine has: the option that names one that has it. NULL
 * where that is not the matter, or no engine would do. */
static char *engine_to_choose(const cli_session *session)
{
    wsb_module_info *info = NULL;
    char *option = NULL;
    uint32_t needed = cli_feature_of(wsb_error_subject(session->error));
    if (session->status != WSB_ERROR_UNSUPPORTED || !needed) {
        return NULL;
    }
    if (wsb_module_inspect_file(wsb_cstr(session->path), &session->settings->bounds, &info, NULL) ==
        WSB_OK) {
        needed |= info->required_features;
        wsb_module_info_destroy(info);
    }
    char *ids = cli_engines_with(session->settings, needed);
    if (*ids && asprintf(&option, "--engine %s", ids) < 0) {
        option = NULL;
    }
    free(ids);
    return option;
}

static void print_failure(const cli_session *session)
{
    if (session->message && !session->error) {
        cli_fail("%s", session->message);
        if (session->suggestion) {
            cli_try("%s", session->suggestion);
        }
        return;
    }
    char *engine = engine_to_choose(session);
    cli_print_error(session->error, session->status, engine);
    free(engine);
    const char *dot = strrchr(session->path, '.');
    if (session->stage == CLI_STAGE_LOAD && session->key_failed && dot &&
        strcmp(dot, ".cwasm") == 0) {
        cli_note("there is no key for compiled modules: %s", session->key_problem);
    }
}

int cli_session_finish(cli_session *session)
{
    int exit_status = exit_status_of(session);
    bool exited = session->status == WSB_OK || session->status == WSB_ERROR_EXIT;
    cli_refusals_view view = {.told = session->error ? wsb_error_subject(session->error) : ""};
    view.all = exit_status != 0 || session->settings->verbose ||
               session->settings->usage == CLI_USAGE_TEXT;
    view.has_directories = session->settings->dir_count > 0;
    for (size_t i = 0; i < session->settings->dir_count; i++) {
        view.has_writable |= session->settings->dirs[i].access == WSB_FILESYSTEM_READ_WRITE;
    }
    if (!exited) {
        print_failure(session);
    } else if (exit_status == 255 && cli_session_exit_code(session) != 255) {
        cli_note("the guest's exit code %d does not fit an exit status; 255 is given instead",
                 (int)cli_session_exit_code(session));
    }
    cli_refusals_print(&session->refusals, &view);
    cli_report(session, exit_status);
    return exit_status;
}
