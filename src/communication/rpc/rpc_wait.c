/* Whoever waits delivers for all: one of the threads that wait, the leader, reads what comes, ends
 * the calls of others, and serves requests. While it runs a method, or when its own wait is over,
 * another one leads. So a method may call the other side, and a call ends also when all other
 * threads are in methods. */
#include "communication/channel.h"
#include "communication/rpc/rpc_state.h"
#include "runtime/ticks.h"

/* A flood of answers to nothing must not keep a thread beyond its deadline. */
enum { RESULTS_A_ROUND = 256 };

static bool has_unsent(const wsb__rpc_goal *goal)
{
    return goal->sent < goal->frames;
}

static bool is_reached(const wsb__rpc_goal *goal)
{
    return !goal->serves && !has_unsent(goal) &&
           atomic_load_explicit(&goal->pending, memory_order_acquire) == 0;
}

/* Most calls have their answer before anybody asks. */
static uint64_t deadline_of(wsb__rpc_goal *goal)
{
    if (goal->deadline == 0 && goal->timeout_ns == UINT64_MAX) {
        goal->deadline = UINT64_MAX;
    } else if (goal->deadline == 0) {
        uint64_t now = wsb__ticks(); /* those of two processors may be a little apart */
        uint64_t passed = now > goal->began ? wsb__ticks_to_ns(now - goal->began) : 0;
        goal->deadline =
            wsb__monotonic_in(passed < goal->timeout_ns ? goal->timeout_ns - passed : 0);
    }
    return goal->deadline;
}

static bool is_late(wsb__rpc_goal *goal)
{
    uint64_t deadline = deadline_of(goal);
    return deadline != UINT64_MAX && wsb__monotonic_ns() >= deadline;
}

/* WSB_OK also where there is no room. A guest that waits for the frame is run at once, here. */
static wsb_status try_send(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb__rpc_goal *goal,
                           wsb_error **out_error)
{
    while (has_unsent(goal)) {
        size_t start = goal->sent ? goal->ends[goal->sent - 1] : 0;
        wsb_bytes frame = wsb_bytes_of(scratch->out.data + start, goal->ends[goal->sent] - start);
        wsb_error *error = NULL;
        if (goal->hands_over)
            wsb__handoff_begin();
        wsb_status status = wsb_channel_send(rpc->channel, frame, 0, &error);
        goal->sent += status == WSB_OK;
        if (goal->hands_over)
            wsb__handoff_end();
        if (status != WSB_OK && status != WSB_ERROR_WOULD_BLOCK && out_error)
            *out_error = error;
        else
            wsb_error_destroy(error);
        if (status != WSB_OK)
            return status == WSB_ERROR_WOULD_BLOCK ? WSB_OK : status;
    }
    return WSB_OK;
}

static bool try_lead(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch)
{
    wsb__rpc_scratch *nobody = NULL;
    return atomic_compare_exchange_strong(&rpc->leader, &nobody, scratch);
}

/* With the lock. */
static void remove_follower(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch)
{
    wsb__rpc_scratch *before = atomic_load(&rpc->followers);
    if (before == scratch) {
        atomic_store(&rpc->followers, scratch->next);
    } else {
        while (before->next != scratch)
            before = before->next;
        before->next = scratch->next;
    }
}

/* Leads, or follows who does. Who gives the lead up looks for followers after that, and who
 * follows looks for a leader after it is one: one of them sees the other. */
static bool take_lead(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch)
{
    if (try_lead(rpc, scratch))
        return true;
    wsb__lock_acquire(&rpc->lock);
    scratch->next = atomic_load(&rpc->followers);
    atomic_store(&rpc->followers, scratch);
    bool leads = try_lead(rpc, scratch);
    if (leads)
        remove_follower(rpc, scratch);
    wsb__lock_release(&rpc->lock);
    return leads;
}

static void stop_following(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch)
{
    wsb__lock_acquire(&rpc->lock);
    remove_follower(rpc, scratch);
    wsb__lock_release(&rpc->lock);
}

/* Wakes one that waits for the lead, where nobody has it. */
static void call_for_leader(wsb_rpc_channel *rpc)
{
    if (!atomic_load(&rpc->followers))
        return;
    wsb__lock_acquire(&rpc->lock);
    wsb__rpc_scratch *first = atomic_load(&rpc->followers);
    wsb_waker *next = first && !atomic_load(&rpc->leader) ? wsb_waker_ref(&first->waker) : NULL;
    wsb__lock_release(&rpc->lock);
    wsb_waker_wake(next);
    wsb_waker_unref(next);
}

static void hand_on_lead(wsb_rpc_channel *rpc)
{
    atomic_store(&rpc->leader, NULL);
    call_for_leader(rpc);
}

static const wsb_channel_event all_events[] = {WSB_CHANNEL_CAN_RECEIVE, WSB_CHANNEL_CAN_SEND,
                                               WSB_CHANNEL_CAN_RECEIVE_RESULT,
                                               WSB_CHANNEL_CAN_SEND_RESULT};

/* Sleeps until one of the events may have happened. WSB_OK, WSB_ERROR_TIMEOUT, or why the channel
 * cannot be waited for. */
static wsb_status sleep_for(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, unsigned events,
                            uint64_t deadline)
{
    wsb_status status = WSB_OK;
    size_t waits = 0;
    wsb__moment = 0;
    for (; waits < 4 && status == WSB_OK; waits++)
        if (events & (unsigned)all_events[waits])
            status = wsb_channel_wait(rpc->channel, all_events[waits], &scratch->waker, NULL);
    if (status == WSB_OK && !wsb__channel_sleep(&scratch->woken, deadline))
        status = WSB_ERROR_TIMEOUT;
    for (size_t i = 0; i < waits; i++)
        if (events & (unsigned)all_events[i])
            wsb_channel_unwait(rpc->channel, all_events[i], &scratch->waker);
    return status;
}

static wsb_status follow(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb__rpc_goal *goal)
{
    wsb_status status = WSB_OK;
    if (!is_reached(goal))
        status =
            sleep_for(rpc, scratch, has_unsent(goal) ? WSB_CHANNEL_CAN_SEND : 0, deadline_of(goal));
    stop_following(rpc, scratch);
    return is_reached(goal) ? WSB_OK : status;
}

/* WSB_OK: there may be more. By the leader only: when it finds that the other side has closed,
 * nobody else has an answer in his hands. */
static wsb_status read_results(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch,
                               const wsb__rpc_goal *goal)
{
    for (int i = 0; i < RESULTS_A_ROUND && !is_reached(goal); i++) {
        wsb_status status = wsb_channel_receive_result(rpc->channel, &scratch->in, 0, NULL);
        if (status != WSB_OK)
            return status;
        wsb__rpc_deliver(rpc, scratch);
    }
    return WSB_OK;
}

/* What came of a round of the leader. */
typedef enum round {
    ROUND_AGAIN,
    ROUND_IDLE,  /* nothing to do until something comes */
    ROUND_SERVE, /* there is a request in scratch->in */
    ROUND_OVER   /* the other side has closed, or the channel cannot be read */
} round;

static round read_round(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb__rpc_goal *goal,
                        unsigned *out_events, wsb_status *out_end)
{
    wsb_status results = read_results(rpc, scratch, goal);
    if (results != WSB_OK && results != WSB_ERROR_WOULD_BLOCK) /* closed, or cannot go on */
        wsb__rpc_calls_fail(rpc, results, scratch);
    if (is_reached(goal))
        return ROUND_AGAIN;
    bool unsent_answers = wsb__rpc_flush_answers(rpc);
    wsb_status messages = wsb_channel_receive(rpc->channel, &scratch->in, 0, NULL);
    if (messages == WSB_OK)
        return ROUND_SERVE;
    if (messages != WSB_ERROR_WOULD_BLOCK) {
        *out_end = messages;
        return ROUND_OVER;
    }
    *out_events = WSB_CHANNEL_CAN_RECEIVE;
    if (results == WSB_OK || results == WSB_ERROR_WOULD_BLOCK)
        *out_events |= WSB_CHANNEL_CAN_RECEIVE_RESULT;
    if (unsent_answers)
        *out_events |= WSB_CHANNEL_CAN_SEND_RESULT;
    if (has_unsent(goal))
        *out_events |= WSB_CHANNEL_CAN_SEND;
    return results == WSB_OK ? ROUND_AGAIN : ROUND_IDLE;
}

/* The other side is gone: what it sent before it went was received. */
static wsb_status end_of_messages(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch,
                                  const wsb__rpc_goal *goal, wsb_status status)
{
    if (status != WSB_ERROR_CLOSED)
        return status;
    status = WSB_OK;
    while (!is_reached(goal) && status == WSB_OK)
        status = read_results(rpc, scratch, goal);
    wsb__rpc_calls_fail(rpc, WSB_ERROR_CLOSED, scratch);
    return is_reached(goal) ? WSB_OK : WSB_ERROR_CLOSED;
}

/* Reads until there is something else to do; the lead is held. */
static wsb_status lead_once(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb__rpc_goal *goal,
                            bool *out_serve)
{
    unsigned events = 0;
    wsb_status end = WSB_OK;
    switch (read_round(rpc, scratch, goal, &events, &end)) {
    case ROUND_SERVE:
        *out_serve = true;
        return WSB_OK;
    case ROUND_OVER:
        return end_of_messages(rpc, scratch, goal, end);
    case ROUND_IDLE:
        return is_reached(goal) ? WSB_OK : sleep_for(rpc, scratch, events, deadline_of(goal));
    default:
        return !is_reached(goal) && is_late(goal) ? WSB_ERROR_TIMEOUT : WSB_OK;
    }
}

/* Reset before one looks, so that a wake while one looks is not lost. */
static void begin_look(wsb__rpc_scratch *scratch)
{
    if (atomic_load_explicit(&scratch->woken, memory_order_relaxed) != 0)
        (void)atomic_exchange_explicit(&scratch->woken, 0, memory_order_acq_rel);
}

static wsb_status lead(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb__rpc_goal *goal)
{
    bool serve = false;
    wsb_status status;
    do {
        begin_look(scratch);
        status = lead_once(rpc, scratch, goal, &serve);
    } while (status == WSB_OK && !serve && !is_reached(goal) && !has_unsent(goal));
    hand_on_lead(rpc);
    if (serve) {
        wsb__rpc_serve_frame(rpc, scratch, goal->serves);
        status = is_late(goal) ? WSB_ERROR_TIMEOUT : WSB_OK;
    }
    return status;
}

wsb_status wsb__rpc_wait(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb__rpc_goal *goal,
                         wsb_error **out_error)
{
    bool followed = false;
    wsb_status status;
    for (;;) {
        begin_look(scratch);
        status = try_send(rpc, scratch, goal, out_error);
        if (status != WSB_OK || is_reached(goal))
            break;
        if (take_lead(rpc, scratch)) {
            status = lead(rpc, scratch, goal);
        } else {
            followed = true;
            status = follow(rpc, scratch, goal);
        }
        if (status != WSB_OK || is_reached(goal))
            break;
    }
    if (followed)
        call_for_leader(rpc);
    return is_reached(goal) ? WSB_OK : status;
}
