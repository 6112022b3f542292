/* The registry of types, and what it refuses. */
#include "channel_test.h"
#include "communication/memory_channel.h"
#include "unit/core/fail_nth.h"

static wsb_channel_factory *make_factory(void)
{
    wsb_channel_factory *factory = NULL;
    assert_int_equal(wsb_channel_factory_create(&factory, NULL), WSB_OK);
    return factory;
}

/* A type that differs from the one in memory. */
static wsb_channel_ops type_named(const char *type)
{
    wsb_channel_ops ops = wsb__memory_channel_ops;
    ops.type = type;
    return ops;
}

static wsb_status add(wsb_channel_factory *factory, const wsb_channel_ops *ops)
{
    return wsb_channel_factory_register(factory, ops, NULL, NULL, NULL);
}

static void test_has_the_built_in_types(void **state)
{
    (void)state;
    static const char *const types[] = {"memory", "rpc"};
    wsb_channel_factory *factory = make_factory();
    for (int i = 0; i < 2; i++) {
        channel_pair pair;
        assert_int_equal(wsb_channel_factory_create_channel(factory, wsb_cstr(types[i]), NULL,
                                                            &pair.a, &pair.b, NULL),
                         WSB_OK);
        assert_string_equal(wsb_channel_type(pair.a), types[i]);
        drop_pair(&pair);
    }
    wsb_channel_factory_destroy(factory);
    wsb_channel_factory_destroy(NULL);
}

static void test_an_unknown_type_lists_the_others(void **state)
{
    (void)state;
    wsb_error *error = NULL;
    channel_pair pair = {NULL, NULL};
    wsb_channel_factory *factory = make_factory();
    assert_int_equal(wsb_channel_factory_create_channel(factory, wsb_cstr("memry"), NULL, &pair.a,
                                                        &pair.b, &error),
                     WSB_ERROR_NOT_FOUND);
    assert_non_null(strstr(wsb_error_message(error), "memry"));
    assert_non_null(strstr(wsb_error_suggestion(error), "memory, rpc"));
    assert_null(pair.a);
    wsb_error_destroy(error);
    wsb_channel_factory_destroy(factory);
}

static void test_a_strangers_type_is_made_like_the_others(void **state)
{
    (void)state;
    wsb_channel_ops ops = type_named("mine_2-x");
    wsb_channel_factory *factory = make_factory();
    channel_pair pair;
    assert_int_equal(add(factory, &ops), WSB_OK);
    assert_int_equal(add(factory, &ops), WSB_ERROR_ALREADY_EXISTS);
    assert_int_equal(add(factory, &wsb__memory_channel_ops), WSB_ERROR_ALREADY_EXISTS);
    assert_int_equal(wsb_channel_factory_create_channel(factory, wsb_cstr("mine_2-x"), NULL,
                                                        &pair.a, &pair.b, NULL),
                     WSB_OK);
    wsb_channel_factory_destroy(factory);
    /* It lives on. */
    assert_string_equal(wsb_channel_type(pair.b), "mine_2-x");
    assert_int_equal(send_text(pair.a, "x", 0), WSB_OK);
    expect_text(pair.b, "x");
    drop_pair(&pair);
}

static void count_call(void *user_data)
{
    ++*(int *)user_data;
}

static wsb_status see_user_data(const wsb_channel_options *options, void *user_data,
                                void *out_ends[2], wsb_error **out_error)
{
    ++*(int *)user_data;
    assert_int_equal(options->capacity, 1024 * 1024);
    assert_int_equal(options->max_messages, 32768);
    return wsb__memory_create(options, NULL, out_ends, out_error);
}

static void test_user_data_is_handed_on_and_released(void **state)
{
    (void)state;
    int created = 0, refused = 0;
    wsb_channel_ops ops = type_named("mine");
    ops.create = see_user_data;
    wsb_channel_factory *factory = make_factory();
    channel_pair pair;
    assert_int_equal(wsb_channel_factory_register(factory, &ops, &created, count_call, NULL),
                     WSB_OK);
    assert_int_equal(wsb_channel_factory_register(factory, &ops, &refused, count_call, NULL),
                     WSB_ERROR_ALREADY_EXISTS);
    assert_int_equal(
        wsb_channel_factory_create_channel(factory, wsb_cstr("mine"), NULL, &pair.a, &pair.b, NULL),
        WSB_OK);
    assert_int_equal(created, 1);
    drop_pair(&pair);
    wsb_channel_factory_destroy(factory);
    assert_int_equal(created, 2);
    assert_int_equal(refused, 0);
}

static void expect_mismatch(wsb_channel_factory *factory, const wsb_channel_ops *ops,
                            const char *says)
{
    wsb_error *error = NULL;
    assert_int_equal(wsb_channel_factory_register(factory, ops, NULL, NULL, &error),
                     WSB_ERROR_ABI_MISMATCH);
    assert_non_null(strstr(wsb_error_message(error), says));
    wsb_error_destroy(error);
    channel_pair pair;
    assert_int_equal(wsb_channel_create(ops, NULL, NULL, &pair.a, &pair.b, NULL),
                     WSB_ERROR_ABI_MISMATCH);
}

static void test_names_what_is_missing(void **state)
{
    (void)state;
    wsb_channel_factory *factory = make_factory();
    wsb_channel_ops ops;
#define EXPECT_MISSING(member)                                                                     \
    do {                                                                                           \
        ops = type_named("mine");                                                                  \
        ops.member = NULL;                                                                         \
        expect_mismatch(factory, &ops, "member " #member " is missing");                           \
    } while (0)
    EXPECT_MISSING(type);
    EXPECT_MISSING(create);
    EXPECT_MISSING(destroy);
    EXPECT_MISSING(send);
    EXPECT_MISSING(receive);
    EXPECT_MISSING(send_result);
    EXPECT_MISSING(receive_result);
    EXPECT_MISSING(wait);
    EXPECT_MISSING(unwait);
    EXPECT_MISSING(close);
    EXPECT_MISSING(stats);
    ops = type_named("mine");
    ops.abi_version++;
    expect_mismatch(factory, &ops, "abi_version");
    ops = type_named("mine");
    ops.size -= sizeof(void *);
    expect_mismatch(factory, &ops, "size");
    ops.size = 0;
    expect_mismatch(factory, &ops, "abi_version");
    assert_int_equal(add(factory, NULL), WSB_ERROR_INVALID_ARGUMENT);
    ops = type_named("mine");
    assert_int_equal(add(NULL, &ops), WSB_ERROR_INVALID_ARGUMENT);
    wsb_channel_factory_destroy(factory);
}

static void test_refuses_bad_names(void **state)
{
    (void)state;
    char longer[66];
    memset(longer, 'a', 65);
    longer[65] = 0;
    const char *const names[] = {"", "Mine", "a b", "a/b", "\xC3\xA4", longer};
    wsb_channel_factory *factory = make_factory();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        wsb_channel_ops ops = type_named(names[i]);
        assert_int_equal(add(factory, &ops), WSB_ERROR_INVALID_ARGUMENT);
    }
    wsb_channel_factory_destroy(factory);
}

static void test_refuses_bad_options(void **state)
{
    (void)state;
    channel_pair pair = {NULL, NULL};
    static const uint64_t wrong[] = {WSB_NONE, (uint64_t)INT64_MAX + 1};
    for (int i = 0; i < 4; i++) {
        wsb_error *error = NULL;
        wsb_channel_options options = WSB_CHANNEL_OPTIONS_INIT;
        *(i % 2 ? &options.capacity : &options.max_messages) = wrong[i / 2];
        assert_int_equal(
            wsb_channel_create(&wsb__memory_channel_ops, &options, NULL, &pair.a, &pair.b, &error),
            WSB_ERROR_INVALID_ARGUMENT);
        assert_string_equal(wsb_error_subject(error), i % 2 ? "capacity" : "max_messages");
        wsb_error_destroy(error);
    }
    struct {
        wsb_channel_options options;
        uint64_t newer;
    } longer = {WSB_CHANNEL_OPTIONS_INIT, 1};
    longer.options.size = sizeof longer;
    assert_int_equal(
        wsb_channel_create(&wsb__memory_channel_ops, &longer.options, NULL, &pair.a, &pair.b, NULL),
        WSB_ERROR_ABI_MISMATCH);
    wsb_channel_options unlimited = WSB_CHANNEL_OPTIONS_INIT;
    unlimited.capacity = unlimited.max_messages = WSB_UNLIMITED;
    assert_int_equal(
        wsb_channel_create(&wsb__memory_channel_ops, &unlimited, NULL, &pair.a, &pair.b, NULL),
        WSB_OK);
    assert_int_equal(send_text(pair.a, "x", 0), WSB_OK);
    expect_text(pair.b, "x");
    drop_pair(&pair);
}

static wsb_status whole_life(void)
{
    wsb_channel_factory *factory = NULL;
    channel_pair pair = {NULL, NULL};
    wsb_status status = wsb_channel_factory_create(&factory, NULL);
    wsb_channel_ops first = type_named("a"), second = type_named("b"), third = type_named("c");
    if (status == WSB_OK)
        status = add(factory, &first);
    if (status == WSB_OK)
        status = add(factory, &second);
    if (status == WSB_OK)
        status = add(factory, &third);
    if (status == WSB_OK)
        status = wsb_channel_factory_create_channel(factory, wsb_cstr("c"), NULL, &pair.a, &pair.b,
                                                    NULL);
    drop_pair(&pair);
    wsb_channel_factory_destroy(factory);
    return status;
}

static void test_stays_whole_without_memory(void **state)
{
    (void)state;
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(whole_life());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_has_the_built_in_types),
        cmocka_unit_test(test_an_unknown_type_lists_the_others),
        cmocka_unit_test(test_a_strangers_type_is_made_like_the_others),
        cmocka_unit_test(test_user_data_is_handed_on_and_released),
        cmocka_unit_test(test_names_what_is_missing),
        cmocka_unit_test(test_refuses_bad_names),
        cmocka_unit_test(test_refuses_bad_options),
        cmocka_unit_test(test_stays_whole_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
