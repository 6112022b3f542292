/* What a backtrace of a rewritten module says is about the module that the user gave. wsb-test:
 * pure */
#include <cmocka.h>
#include <string.h>

#include "runtime/frames.h"

/* One imported function, two of its own: to the engine they are 2 and 3, the tick is 1. */
static const wsb_extern_info imports[] = {{.kind = WSB_EXTERN_FUNCTION}};
static const wsb__module_info info = {
    .info = {.imports = imports, .import_count = 1, .function_count = 2},
};

static void expect(const char *given, const char *wanted)
{
    char text[256];
    strcpy(text, given);
    wsb__frames_as_given(&info, text);
    assert_string_equal(text, wanted);
}

static void test_numbers_are_those_of_the_module(void **state)
{
    (void)state;
    expect("function 3 @ 0x1d3\nfunction 2 @ 0x7\n", "function 2\nfunction 1\n");
    expect("function 10 @ 0x1\nfunction 2 @ 0x7\n", "function 1\n");
}

static void test_names_are_kept_without_offsets(void **state)
{
    (void)state;
    expect("fib @ 0x10\nname @ 0x1 @ 0x2\n", "fib\nname @ 0x1\n");
    expect("function 3rd @ 0x1\n", "function 3rd\n");
    expect("fib\n", "fib\n");
}

static void test_added_functions_are_left_out(void **state)
{
    (void)state;
    expect("function 4 @ 0x1\nfunction 2 @ 0x2\n", "function 1\n");
    expect("function 0 @ 0x1\n", "");
    expect("function 99999999999999999999999 @ 0x1\n", "");
}

static void test_half_lines_go(void **state)
{
    (void)state;
    expect("", "");
    expect("function 2 @ 0x1\nfunction 3 @ 0", "function 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_those_of_the_module),
        cmocka_unit_test(test_names_are_kept_without_offsets),
        cmocka_unit_test(test_added_functions_are_left_out),
        cmocka_unit_test(test_half_lines_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
