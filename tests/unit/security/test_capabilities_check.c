#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "security/capabilities_check.h"
#include "unit/core/fail_nth.h"

#include <stdio.h>
#include <string.h>

static void is(const wsb_capabilities *c, wsb_status status, const char *subject)
{
    wsb_error *error = NULL;
    assert_int_equal(wsb__capabilities_check(c, &error), status);
    if (status != WSB_OK)
        assert_string_equal(wsb_error_subject(error), subject);
    wsb_error_destroy(error);
}

static void test_nothing_and_minimal_are_fine(void **state)
{
    (void)state;
    wsb_capabilities c = WSB_CAPABILITIES_INIT;
    is(NULL, WSB_OK, "");
    is(&c, WSB_OK, "");
    wsb_capabilities_minimal(&c);
    is(&c, WSB_OK, "");
    assert_int_equal(c.clocks, WSB_CLOCK_ALL);
    assert_int_equal(c.random, WSB_RANDOM_SYSTEM);
    assert_int_equal(c.standard_output.kind, WSB_OUTPUT_CAPTURE);
    assert_int_equal(c.filesystem_count, 0);
    c.size = 3;
    is(&c, WSB_ERROR_INVALID_ARGUMENT, "wsb_capabilities");
}

static void test_filesystem(void **state)
{
    (void)state;
    wsb_capabilities c = WSB_CAPABILITIES_INIT;
    const wsb_filesystem_capability init = WSB_FILESYSTEM_CAPABILITY_INIT;
    wsb_filesystem_capability fs[2] = {init, init};
    c.filesystem_count = 1;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "filesystem");
    c.filesystem = fs;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "filesystem"); /* no path */
    fs[0].host_path = wsb_cstr("/tmp");
    fs[0].access = WSB_FILESYSTEM_READ_ONLY;
    is(&c, WSB_OK, "");
    fs[0].allow_create = true;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "filesystem");
    fs[0].access = WSB_FILESYSTEM_READ_WRITE;
    is(&c, WSB_OK, "");
    fs[0].access = (wsb_filesystem_access)3;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "filesystem");
    fs[0].access = WSB_FILESYSTEM_READ_WRITE;
    fs[0].host_path = (wsb_str){"/tm\0p", 5};
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "filesystem");
    fs[0].host_path = wsb_cstr("/tmp/\xff");
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "filesystem");
    fs[0].guest_path = wsb_cstr("/data");
    is(&c, WSB_OK, "");
    fs[1] = fs[0];
    fs[1].guest_path = wsb_cstr("/data/");
    c.filesystem_count = 2;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "filesystem"); /* twice */
    fs[1].guest_path = wsb_cstr("/data2");
    is(&c, WSB_OK, "");
    fs[1].size--;
    is(&c, WSB_ERROR_ABI_MISMATCH, "filesystem");
    fs[1].size++;
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(wsb__capabilities_check(&c, NULL));
}

static void test_network(void **state)
{
    (void)state;
    wsb_capabilities c = WSB_CAPABILITIES_INIT;
    wsb_network_capability network = WSB_NETWORK_CAPABILITY_INIT;
    wsb_str host = wsb_cstr("example.org");
    c.network = &network;
    is(&c, WSB_OK, "");
    for (int access = WSB_NETWORK_LOOPBACK; access <= WSB_NETWORK_FULL; access++) {
        network.access = (wsb_network_access)access;
        is(&c, WSB_ERROR_UNSUPPORTED, "network");
    }
    network.access = (wsb_network_access)5;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "network");
    network.access = WSB_NETWORK_NONE;
    network.hosts = &host;
    network.host_count = 1;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "network");
}

static void test_arguments_and_environment(void **state)
{
    (void)state;
    wsb_capabilities c = WSB_CAPABILITIES_INIT;
    wsb_str args[] = {wsb_cstr("prog"), {"a\0b", 3}};
    c.arguments = args;
    c.argument_count = 1;
    is(&c, WSB_OK, "");
    c.argument_count = 2;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "arguments");
    args[1] = (wsb_str){NULL, 3};
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "arguments");
    args[1] = (wsb_str){NULL, 0};
    is(&c, WSB_OK, "");
    static char long_text[9 * 1024 * 1024];
    memset(long_text, 'x', sizeof long_text);
    args[0] = args[1] = (wsb_str){long_text, sizeof long_text};
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "arguments");
    c.argument_count = SIZE_MAX;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "arguments");
    c.argument_count = 0;
    wsb_environment_variable var = {wsb_cstr("NAME"), wsb_cstr("a=b")};
    c.environment = &var;
    c.environment_count = 1;
    is(&c, WSB_OK, "");
    var.name = wsb_cstr("NA=ME");
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "environment");
    var.name = wsb_cstr("");
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "environment");
    var.name = (wsb_str){"N\0", 2};
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "environment");
    var.name = wsb_cstr("N");
    var.value = (wsb_str){"\0", 1};
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "environment");
}

static wsb_status read_nothing(uint8_t *buffer, size_t capacity, size_t *out_count, void *user_data)
{
    (void)buffer;
    (void)capacity;
    (void)user_data;
    *out_count = 0;
    return WSB_OK;
}

static wsb_status write_nothing(wsb_bytes data, void *user_data)
{
    (void)data;
    (void)user_data;
    return WSB_OK;
}

static void test_streams(void **state)
{
    (void)state;
    wsb_capabilities c = WSB_CAPABILITIES_INIT;
    c.standard_input.kind = WSB_INPUT_CALLBACK;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "standard_input");
    c.standard_input.read = read_nothing;
    is(&c, WSB_OK, "");
    c.standard_input.kind = WSB_INPUT_EMPTY;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "standard_input");
    c.standard_input = (wsb_input){.kind = WSB_INPUT_FD, .fd = -1};
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "standard_input");
    c.standard_input.fd = 1000000;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "standard_input");
    c.standard_input.fd = 2;
    is(&c, WSB_OK, "");
    c.standard_input = (wsb_input){.bytes = {(const uint8_t *)"x", 1}};
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "standard_input");
    c.standard_input.kind = WSB_INPUT_BYTES;
    is(&c, WSB_OK, "");
    c.standard_input.bytes.data = NULL;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "standard_input");
    c.standard_input = (wsb_input){.kind = (wsb_input_kind)5};
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "standard_input");
    c.standard_input.kind = WSB_INPUT_NONE;
    c.standard_output.kind = WSB_OUTPUT_CALLBACK;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "standard_output");
    c.standard_output.write = write_nothing;
    is(&c, WSB_OK, "");
    c.standard_error = (wsb_output){.kind = WSB_OUTPUT_FD, .fd = -1};
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "standard_error");
    c.standard_error.kind = (wsb_output_kind)5;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "standard_error");
}

/* Nothing is done with a channel while it is checked. */
static void test_channels(void **state)
{
    (void)state;
    static char long_name[257];
    wsb_capabilities c = WSB_CAPABILITIES_INIT;
    wsb_channel *channel = (wsb_channel *)long_name;
    wsb_channel_grant grants[2] = {{wsb_cstr("jobs"), channel}, {wsb_cstr("log"), channel}};
    memset(long_name, 'n', sizeof long_name);
    c.channel_count = 2;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "channels");
    c.channels = grants;
    is(&c, WSB_OK, "");
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(wsb__capabilities_check(&c, NULL));
    const wsb_str refused[] = {
        {"jobs", 4}, {NULL, 0}, {NULL, 3}, {"", 0}, {long_name, 257}, {"\xc0\x80", 2}, {"a\xff", 2},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        grants[1].name = refused[i];
        is(&c, WSB_ERROR_INVALID_CAPABILITY, "channels");
    }
    const wsb_str allowed[] = {{long_name, 256}, {"a\0b", 3}, {"gr\xc3\xbc\xc3\x9f", 6}};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        grants[1].name = allowed[i];
        is(&c, WSB_OK, "");
    }
    grants[1].channel = NULL;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "channels");
}

static void test_as_many_channels_as_allowed(void **state)
{
    (void)state;
    static wsb_channel_grant grants[1025];
    static char names[1025][8];
    wsb_capabilities c = WSB_CAPABILITIES_INIT;
    for (size_t i = 0; i < 1025; i++) {
        snprintf(names[i], sizeof names[i], "%zu", i);
        grants[i] = (wsb_channel_grant){wsb_cstr(names[i]), (wsb_channel *)names};
    }
    c.channels = grants;
    c.channel_count = 1024;
    is(&c, WSB_OK, "");
    c.channel_count = 1025;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "channels");
}

static void test_clocks_and_random(void **state)
{
    (void)state;
    wsb_capabilities c = WSB_CAPABILITIES_INIT;
    c.clocks = 8;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "clocks");
    c.clocks = WSB_CLOCK_MONOTONIC;
    c.random_seed = 5;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "random");
    c.random = WSB_RANDOM_SEEDED;
    is(&c, WSB_OK, "");
    c.random = (wsb_random_kind)3;
    is(&c, WSB_ERROR_INVALID_CAPABILITY, "random");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_and_minimal_are_fine),
        cmocka_unit_test(test_filesystem),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_arguments_and_environment),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_clocks_and_random),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_as_many_channels_as_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
