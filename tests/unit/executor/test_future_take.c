/* Futures: their results, which are given once. */
#include "unit/executor/executor_test.h"

#include "core/alloc.h"
#include <wasm_sandbox/plugin/error.h>

static void test_values_are_taken_once(void **state)
{
    wsb_value two[2];
    wsb_error *error = NULL;
    wsb_buf data = WSB_BUF_INIT;
    wsb_future *future = plain(WSB__RESULT_VALUES);
    (void)state;
    assert_int_equal(wsb_future_take_values(future, two, 2, NULL), WSB_ERROR_WOULD_BLOCK);
    future->result.values = wsb__alloc(2 * sizeof(wsb_value));
    future->result.values[0] = wsb_value_i32(1);
    future->result.values[1] = wsb_value_i64(2);
    future->value_count = 2;
    wsb__future_finish(future, WSB_OK, NULL);
    assert_int_equal(wsb_future_take_data(future, &data, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_future_take_values(future, two, 1, &error), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_error_allowed(error), 2);
    wsb_error_destroy(error);
    assert_int_equal(wsb_future_take_values(future, NULL, 2, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_future_take_values(future, two, 2, NULL), WSB_OK);
    assert_int_equal(two[0].of.i32, 1);
    assert_int_equal(two[1].of.i64, 2);
    assert_int_equal(wsb_future_take_values(future, two, 2, NULL), WSB_ERROR_CLOSED);
    assert_int_equal(wsb_future_status(future), WSB_OK);
    wsb_future_destroy(future);
}

static void test_data_is_given_away(void **state)
{
    wsb_buf data = WSB_BUF_INIT;
    wsb_future *future = plain(WSB__RESULT_DATA);
    (void)state;
    future->result.data.data = wsb__alloc(4);
    memcpy(future->result.data.data, "abc", 4);
    future->result.data.len = 3;
    future->result.data.capacity = 4;
    wsb__future_finish(future, WSB_OK, NULL);
    assert_int_equal(wsb_future_take_data(future, &data, NULL), WSB_OK);
    assert_int_equal(wsb_future_take_data(future, &data, NULL), WSB_ERROR_CLOSED);
    wsb_future_destroy(future);
    assert_string_equal((const char *)data.data, "abc");
    wsb_buf_fini(&data);
}

static void test_data_that_nobody_takes_is_released(void **state)
{
    wsb_future *future = plain(WSB__RESULT_DATA);
    (void)state;
    future->result.data.data = wsb__alloc(4);
    future->result.data.capacity = 4;
    wsb__future_finish(future, WSB_OK, NULL);
    wsb_future_destroy(future);
}

static void test_scalars_are_taken(void **state)
{
    int32_t code = 0;
    uint64_t id = 0;
    wsb_future *command = plain(WSB__RESULT_EXIT_CODE);
    wsb_future *module = plain(WSB__RESULT_ID);
    (void)state;
    command->result.exit_code = 7;
    module->result.id = 9;
    wsb__future_finish(command, WSB_OK, NULL);
    wsb__future_finish(module, WSB_OK, NULL);
    assert_int_equal(wsb_future_take_id(command, &id, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_future_take_exit_code(command, &code, NULL), WSB_OK);
    assert_int_equal(wsb_future_take_id(module, &id, NULL), WSB_OK);
    assert_int_equal(code, 7);
    assert_int_equal(id, 9);
    wsb_future_destroy(command);
    wsb_future_destroy(module);
}

static void test_an_error_is_given_once(void **state)
{
    uint64_t id = 5;
    wsb_error *made = NULL;
    wsb_error *error = NULL;
    wsb_future *future = plain(WSB__RESULT_ID);
    wsb_future *ignored = plain(WSB__RESULT_VALUES);
    (void)state;
    wsb_status status = wsb_error_set(&made, WSB_ERROR_TRAP, NULL, "the guest trapped: %d", 1);
    wsb__future_finish(future, status, made);
    assert_int_equal(wsb_future_take_id(future, &id, &error), WSB_ERROR_TRAP);
    assert_non_null(strstr(wsb_error_message(error), "the guest trapped: 1"));
    wsb_error_destroy(error);
    error = NULL;
    assert_int_equal(id, 5);
    assert_int_equal(wsb_future_take_id(future, &id, &error), WSB_ERROR_CLOSED);
    wsb_error_destroy(error);
    assert_int_equal(wsb_future_status(future), WSB_ERROR_TRAP);
    wsb_future_destroy(future);
    status = wsb_error_set(&made, WSB_ERROR_TRAP, NULL, "nobody looks");
    wsb__future_finish(ignored, status, made);
    assert_int_equal(wsb_future_take_values(ignored, NULL, 0, NULL), WSB_ERROR_TRAP);
    wsb_future_destroy(ignored);
}

typedef struct takers {
    wsb_future *future;
    counter taken;
} takers;

static void *take_it(void *argument)
{
    takers *all = argument;
    uint64_t id;
    if (wsb_future_wait(all->future, LONG_NS) &&
        wsb_future_take_id(all->future, &id, NULL) == WSB_OK) {
        bump(&all->taken);
    }
    return NULL;
}

static void test_many_threads_wait_and_one_takes(void **state)
{
    enum { THREADS = 6 };
    (void)state;
    for (int round = 0; round < 50; round++) {
        pthread_t threads[THREADS];
        takers all = {.future = plain(WSB__RESULT_ID)};
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, take_it, &all), 0);
        }
        wsb__future_finish(all.future, WSB_OK, NULL);
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
        assert_int_equal(all.taken, 1);
        wsb_future_destroy(all.future);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_taken_once),
        cmocka_unit_test(test_data_is_given_away),
        cmocka_unit_test(test_data_that_nobody_takes_is_released),
        cmocka_unit_test(test_scalars_are_taken),
        cmocka_unit_test(test_an_error_is_given_once),
        cmocka_unit_test(test_many_threads_wait_and_one_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
