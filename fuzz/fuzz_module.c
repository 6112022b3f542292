/* Modules, binary or text, through the scan and the transform, with each way of counting and
 * limiting put in. What passes must be a module whose description can be trusted, and the reserved
 * exports of its output must be refused. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wsb_native_module.h"

/* Smaller than the defaults, so that each run is short and the bounds are met often. */
static const wsbn_options OPTIONS = {
    .bounds = {.max_module_size = 1 << 20,
               .max_functions = 1000,
               .max_function_size = 100000,
               .max_locals = 5000,
               .max_branch_targets = 2000,
               .max_function_branch_targets = 500,
               .max_nesting = 50,
               .max_types = 1000,
               .max_imports = 100,
               .max_exports = 100,
               .max_globals = 100,
               .max_tables = 10,
               .max_data_segments = 100,
               .max_element_segments = 100,
               .max_elements = 1000,
               .max_total_locals = 10000,
               .max_merges = 20000,
               .max_function_merges = 5000,
               .max_handlers = 2000,
               .max_function_handlers = 500},
};

static void must(int holds)
{
    if (!holds) {
        abort();
    }
}

/* Gives the exports that the transform adds other names, so that the output can go in again. */
static void rename_added(uint8_t *module, size_t len)
{
    static const char *const names[] = {"\012wsb:memory",       "\011wsb:start",
                                        "\020wsb:grow_refused", "\012wsb:budget",
                                        "\020wsb:memory_limit", "\017wsb:table_limit"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint8_t *at = memmem(module, len, names[i], strlen(names[i]));
        if (at != NULL) {
            at[1] = '.';
        }
    }
}

/* Valid as a whole: the scan itself is the judge, with bounds that what was added cannot meet. */
static void check(const wsbn_result *result)
{
    static const uint8_t magic[] = {0x57, 0x53, 0x42, 0x49, 2, 0, 0, 0};
    must(result->module_len >= 8 && memcmp(result->module, "\0asm\1\0\0", 8) == 0);
    must(result->info_len >= 96 && memcmp(result->info, magic, sizeof(magic)) == 0);
    wsbn_options options = {.add = 0};
    memset(&options.bounds, 0xff, sizeof(options.bounds));
    rename_added(result->module, result->module_len);
    wsbn_result again;
    wsbn_process(result->module, result->module_len, &options, &again);
    must(again.status == WSBN_OK);
    wsbn_result_fini(&again);
}

static void run(const uint8_t *data, size_t size, const wsbn_options *options)
{
    wsbn_result result;
    wsbn_process(data, size, options, &result);
    must(result.status != WSBN_INTERNAL);
    must(memchr(result.message, '\0', sizeof(result.message)) != NULL);
    must(memchr(result.subject, '\0', sizeof(result.subject)) != NULL);
    if (result.status == WSBN_OK) {
        check(&result);
    } else {
        must(result.module == NULL && result.info == NULL && result.message[0] != '\0');
        must(result.status != WSBN_BOUND || result.used > result.allowed);
    }
    wsbn_result_fini(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t adds[] = {
        0,
        WSBN_ADD_MEMORY_LIMIT | WSBN_ADD_TABLE_LIMIT,
        WSBN_ADD_MEMORY_LIMIT | WSBN_ADD_TABLE_LIMIT | WSBN_ADD_COUNTDOWN,
        WSBN_ADD_MEMORY_LIMIT | WSBN_ADD_TABLE_LIMIT | WSBN_ADD_FUEL,
    };
    for (size_t i = 0; i < sizeof(adds) / sizeof(adds[0]); i++) {
        wsbn_options options = OPTIONS;
        options.add = adds[i];
        run(data, size, &options);
    }
    return 0;
}
