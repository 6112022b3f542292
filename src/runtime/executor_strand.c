/* Strands: the order of an instance's tasks. Their locks are static, so that the last task of a
 * strand can say that it has ended with the lock held, while whoever learns of it frees the strand.
 */
#include "runtime/executor_state.h"

#include "core/signal_word.h"

enum { LOCKS = 64, LINE = 64 };

static union {
    pthread_mutex_t lock;
    char line[LINE];
} locks[LOCKS] __attribute__((aligned(LINE)));

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_locks(void)
{
    for (unsigned i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&locks[i].lock, NULL);
    }
}

static void prepare(void)
{
    init_locks();
    /* In a forked child, nobody gives those back that others held. */
    pthread_atfork(NULL, NULL, init_locks);
}

void wsb__strand_prepare(void)
{
    pthread_once(&once, prepare);
}

pthread_mutex_t *wsb__strand_lock(const wsb__strand *strand)
{
    uint64_t hash = (uint64_t)(uintptr_t)strand * UINT64_C(0x9e3779b97f4a7c15);
    return &locks[hash >> 58].lock;
}

bool wsb__strand_enter(wsb__strand *strand, wsb__task *task)
{
    if (strand->turn == NULL) {
        strand->turn = task;
        return true;
    }
    wsb__list_append(&strand->behind, task);
    return false;
}

wsb__task *wsb__strand_leave(wsb__strand *strand)
{
    strand->turn = wsb__list_take(&strand->behind);
    return strand->turn;
}

/* Nobody asks it to end from here on, and whoever does so now has done. */
static void end_asking(wsb__task *task)
{
    uint32_t state = wsb__task_change(task, 0, WSB__TASK_ENDED) | WSB__TASK_ENDED;
    while ((state & WSB__TASK_CANCELLING) != 0) {
        state = wsb__task_change(task, 0, WSB__TASK_ENDING) | WSB__TASK_ENDING;
        if ((state & WSB__TASK_CANCELLING) != 0) {
            wsb__word_wait(&task->state, state, UINT64_MAX);
            state = atomic_load(&task->state);
        }
    }
}

uint32_t wsb__task_end(wsb__task *task, _Atomic uint32_t *word, uint32_t value)
{
    wsb__worker *worker = wsb__this_executor_thread.worker;
    wsb__strand *strand = task->strand;
    wsb__task *following = NULL;
    uint32_t old;
    wsb__task_unwatch(task);
    end_asking(task);
    if (worker != NULL && worker->stepping == task) {
        wsb__guard_take(worker);
        atomic_store_explicit(&worker->current, NULL, memory_order_relaxed);
        wsb__guard_give(worker);
        worker->ended = true;
    } else {
        worker = NULL;
    }
    if (strand == NULL) {
        return atomic_exchange(word, value);
    }
    pthread_mutex_lock(wsb__strand_lock(strand));
    following = wsb__strand_leave(strand);
    old = atomic_exchange(word, value);
    pthread_mutex_unlock(wsb__strand_lock(strand));
    if (worker != NULL) {
        worker->following = following;
    } else if (following != NULL) {
        wsb__queue_push_alone(following);
    }
    return old;
}
