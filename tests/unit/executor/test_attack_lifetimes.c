/* An executor that goes while others wait for its calls and cancel them. */
#include "unit/executor/executor_test.h"

enum { ROUNDS = 60, TASKS = 16, OTHERS = 3 };

typedef struct crowd {
    probe *probes[TASKS];
    counter ready;
} crowd;

static void *wait_for_all(void *data)
{
    crowd *self = data;
    bump(&self->ready);
    for (int i = 0; i < TASKS; i++) {
        if (!wsb_future_wait(&self->probes[i]->future, LONG_NS)) {
            abort();
        }
    }
    return NULL;
}

static void *cancel_all(void *data)
{
    crowd *self = data;
    bump(&self->ready);
    for (int i = TASKS; i > 0; i--) {
        wsb_future_cancel(&self->probes[i - 1]->future);
    }
    return NULL;
}

static void *look_at_all(void *data)
{
    crowd *self = data;
    bump(&self->ready);
    for (int i = 0; i < TASKS; i++) {
        while (!wsb_future_wait(&self->probes[i]->future, 1000)) {
        }
    }
    return NULL;
}

static void test_an_executor_goes_under_those_who_wait(void **state)
{
    static void *(*const others[OTHERS])(void *) = {wait_for_all, cancel_all, look_at_all};
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        crowd self = {.ready = 0};
        pthread_t threads[OTHERS];
        wsb__strand strand = {NULL, {NULL, NULL}};
        wsb_executor *executor = executor_of(2, 2, 0);
        for (int i = 0; i < TASKS; i++) {
            self.probes[i] = start(executor, i % 2 ? &strand : NULL,
                                   i % 4 == 0 ? do_nothing : wait_for_cancel, NULL);
        }
        for (int i = 0; i < OTHERS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, others[i], &self), 0);
        }
        assert_true(await(&self.ready, OTHERS));
        wsb_executor_destroy(executor);
        for (int i = 0; i < OTHERS; i++) {
            pthread_join(threads[i], NULL);
        }
        for (int i = 0; i < TASKS; i++) {
            wsb_future_cancel(&self.probes[i]->future); /* nothing is there any more */
            assert_true(wsb_future_poll(&self.probes[i]->future));
            wsb_future_destroy(&self.probes[i]->future);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_executor_goes_under_those_who_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
