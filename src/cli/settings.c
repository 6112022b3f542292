#include "settings.h"

#include <stdlib.h>

#include "text.h"

void cli_settings_init(cli_settings *settings)
{
    *settings =
        (cli_settings){.limits = WSB_RESOURCE_LIMITS_INIT, .bounds = WSB_MODULE_BOUNDS_INIT};
}

void cli_settings_end_of_file(cli_settings *settings)
{
    settings->file_dir_count = settings->dir_count;
    settings->file_env_count = settings->env_count;
}

static bool equal(wsb_str a, wsb_str b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

bool cli_parse_count(const char *text, uint64_t *out_value)
{
    uint64_t value = 0;
    if (!*text) {
        return false;
    }
    for (; *text; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out_value = value;
    return true;
}

static bool add_dir(cli_settings *settings, const char *option, const char *value, bool writable)
{
    const char *mark = strstr(value, "::");
    wsb_filesystem_capability dir = WSB_FILESYSTEM_CAPABILITY_INIT;
    dir.host_path = (wsb_str){value, mark ? (size_t)(mark - value) : strlen(value)};
    dir.guest_path = mark ? wsb_cstr(mark + 2) : dir.host_path;
    if (dir.host_path.len == 0 || dir.guest_path.len == 0) {
        cli_fail("%s '%s' names no directory%s", option, value,
                 dir.host_path.len ? " for the guest" : "");
        cli_try("%s HOST or %s HOST::GUEST, for instance %s ./data::/data", option, option, option);
        return false;
    }
    dir.access = writable ? WSB_FILESYSTEM_READ_WRITE : WSB_FILESYSTEM_READ_ONLY;
    dir.allow_create = writable;
    dir.allow_delete = writable;
    for (size_t i = 0; i < settings->file_dir_count; i++) {
        if (equal(settings->dirs[i].guest_path, dir.guest_path)) {
            settings->dirs[i] = dir;
            return true;
        }
    }
    settings->dirs =
        cli_reallocate(settings->dirs, (settings->dir_count + 1) * sizeof *settings->dirs);
    settings->dirs[settings->dir_count++] = dir;
    return true;
}

bool cli_apply_dir(cli_settings *settings, const char *value)
{
    return add_dir(settings, "--dir", value, false);
}

bool cli_apply_dir_rw(cli_settings *settings, const char *value)
{
    return add_dir(settings, "--dir-rw", value, true);
}

bool cli_apply_env(cli_settings *settings, const char *value)
{
    const char *equals = strchr(value, '=');
    wsb_environment_variable variable;
    variable.name = (wsb_str){value, equals ? (size_t)(equals - value) : strlen(value)};
    variable.value = wsb_cstr(equals ? equals + 1 : getenv(value));
    if (variable.name.len == 0) {
        cli_fail("--env '%s' names no variable", value);
        cli_try("--env NAME=VALUE, or --env NAME to pass yours on");
        return false;
    }
    if (!variable.value.data) {
        cli_fail("--env %s: there is no variable '%s' to pass on", value, value);
        cli_try("--env %s=VALUE", value);
        return false;
    }
    for (size_t i = 0; i < settings->file_env_count; i++) {
        if (equal(settings->env[i].name, variable.name)) {
            settings->env[i] = variable;
            return true;
        }
    }
    settings->env =
        cli_reallocate(settings->env, (settings->env_count + 1) * sizeof *settings->env);
    settings->env[settings->env_count++] = variable;
    return true;
}

bool cli_apply_seed(cli_settings *settings, const char *value)
{
    if (!cli_parse_count(value, &settings->seed)) {
        cli_fail("--seed '%s' is not a number from 0 to 18446744073709551615", value);
        return false;
    }
    settings->seeded = true;
    return true;
}

bool cli_apply_usage(cli_settings *settings, const char *value)
{
    if (value && strcmp(value, "json") != 0) {
        cli_fail("--usage=%s is not a kind of report", value);
        cli_try("--usage or --usage=json");
        return false;
    }
    settings->usage = value ? CLI_USAGE_JSON : CLI_USAGE_TEXT;
    return true;
}
