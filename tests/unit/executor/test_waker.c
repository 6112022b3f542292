/* Wakers that call a function, and the word that threads wait on. */
#include "unit/executor/executor_test.h"

#include "unit/core/fail_nth.h"
#include <wasm_sandbox/waker.h>

typedef struct bell {
    counter rung;
    counter destroyed;
} bell;

static void ring(void *user_data)
{
    bell *self = user_data;
    bump(&self->rung);
}

static void destroy_bell(void *user_data)
{
    bell *self = user_data;
    bump(&self->destroyed);
}

static void test_a_waker_calls_until_its_last_reference_goes(void **state)
{
    bell self = {.rung = 0};
    wsb_waker *waker = NULL;
    (void)state;
    assert_int_equal(wsb_waker_create(ring, &self, destroy_bell, &waker, NULL), WSB_OK);
    assert_ptr_equal(wsb_waker_ref(waker), waker);
    wsb_waker_wake(waker);
    wsb_waker_wake(waker);
    assert_int_equal(self.rung, 2);
    wsb_waker_unref(waker);
    wsb_waker_wake(waker);
    assert_int_equal(self.rung, 3);
    assert_int_equal(self.destroyed, 0);
    wsb_waker_unref(waker);
    assert_int_equal(self.destroyed, 1);
}

static void test_null(void **state)
{
    bell self = {.rung = 0};
    wsb_waker *waker = NULL;
    (void)state;
    assert_null(wsb_waker_ref(NULL));
    wsb_waker_unref(NULL);
    wsb_waker_wake(NULL);
    assert_int_equal(wsb_waker_create(NULL, NULL, NULL, &waker, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_waker_create(ring, &self, NULL, NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_waker_create(ring, &self, NULL, &waker, NULL), WSB_OK);
    wsb_waker_unref(waker); /* without destroy() */
}

static void test_out_of_memory(void **state)
{
    wsb_waker *waker = NULL;
    bell self = {.rung = 0};
    (void)state;
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(wsb_waker_create(ring, &self, NULL, &waker, NULL));
    wsb_waker_unref(waker);
}

static void *wake_and_drop(void *argument)
{
    wsb_waker_wake(argument);
    wsb_waker_unref(argument);
    return NULL;
}

static void test_threads_share_a_waker(void **state)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    bell self = {.rung = 0};
    wsb_waker *waker = NULL;
    (void)state;
    assert_int_equal(wsb_waker_create(ring, &self, destroy_bell, &waker, NULL), WSB_OK);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wake_and_drop, wsb_waker_ref(waker)), 0);
    }
    wsb_waker_unref(waker);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(self.rung, THREADS);
    assert_int_equal(self.destroyed, 1);
}

static void test_a_word_waits_no_longer_than_it_may(void **state)
{
    counter word = 7;
    (void)state;
    assert_true(wsb__word_wait(&word, 6, UINT64_MAX)); /* it is another value already */
    uint64_t begin = wsb__monotonic_ns();
    while (wsb__word_wait(&word, 7, 3 * MS)) {
    }
    assert_true(wsb__monotonic_ns() - begin >= 3 * MS);
    assert_false(wsb__word_wait(&word, 7, 0));
    wsb__word_wake(&word, UINT32_MAX); /* nobody is there */
}

static void *wait_for_word(void *argument)
{
    await(argument, 1);
    return NULL;
}

static void test_all_that_sleep_are_woken(void **state)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    counter word = 0;
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_word, &word), 0);
    }
    bump(&word);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_waker_calls_until_its_last_reference_goes),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_threads_share_a_waker),
        cmocka_unit_test(test_a_word_waits_no_longer_than_it_may),
        cmocka_unit_test(test_all_that_sleep_are_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
