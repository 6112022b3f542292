#include <stddef.h>

#include "settings.h"
#include "text.h"

static const struct {
    const char *name;
    size_t offset;
} bounds[] = {
#define BOUND(field) {#field, offsetof(wsb_module_bounds, field)}
    BOUND(max_module_size),    BOUND(max_functions),
    BOUND(max_function_size),  BOUND(max_locals),
    BOUND(max_branch_targets), BOUND(max_function_branch_targets),
    BOUND(max_nesting),        BOUND(max_types),
    BOUND(max_imports),        BOUND(max_exports),
    BOUND(max_globals),        BOUND(max_tables),
    BOUND(max_data_segments),  BOUND(max_element_segments),
    BOUND(max_elements),       BOUND(max_total_locals),
    BOUND(max_merges),         BOUND(max_function_merges),
    BOUND(max_handlers),       BOUND(max_function_handlers),
#undef BOUND
};

#define BOUND_COUNT (sizeof bounds / sizeof bounds[0])

static size_t find(const char *name, size_t len)
{
    size_t i = 0;
    while (i < BOUND_COUNT &&
           (strlen(bounds[i].name) != len || memcmp(bounds[i].name, name, len) != 0)) {
        i++;
    }
    return i;
}

bool cli_is_bound(const char *name)
{
    return find(name, strlen(name)) < BOUND_COUNT;
}

/* A plain number: bytes for sizes, as the error that names the bound counts them. */
static bool parse_value(const char *text, uint64_t *out_value)
{
    if (strcmp(text, "unlimited") == 0) {
        *out_value = WSB_UNLIMITED;
        return true;
    }
    return cli_parse_count(text, out_value) && *out_value > 0 && *out_value < WSB_NONE;
}

bool cli_apply_bound(cli_settings *settings, const char *value)
{
    const char *equals = strchr(value, '=');
    size_t len = equals ? (size_t)(equals - value) : strlen(value);
    size_t i = find(value, len);
    uint64_t number = 0;
    if (i == BOUND_COUNT) {
        cli_fail("--bound '%s' names no bound on modules", value);
        cli_try("a name such as max_function_size; the error that refuses a module says which");
        return false;
    }
    if (!equals || !parse_value(equals + 1, &number)) {
        cli_fail("--bound '%s' needs a number above 0, or 'unlimited', after the name", value);
        cli_try("--bound %s=N", bounds[i].name);
        return false;
    }
    memcpy((char *)&settings->bounds + bounds[i].offset, &number, sizeof number);
    return true;
}
