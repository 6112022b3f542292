/* Answers on their way: sent at once where there is room, else kept, within bounds. */
#include "communication/rpc/rpc_state.h"
#include "core/alloc.h"

bool wsb__rpc_admit(wsb_rpc_channel *rpc, size_t len)
{
    wsb__lock_acquire(&rpc->lock);
    bool room = rpc->in_service < rpc->options.max_outstanding &&
                rpc->in_service_bytes <= rpc->options.max_message;
    if (room) {
        rpc->in_service++;
        rpc->in_service_bytes += len;
    }
    wsb__lock_release(&rpc->lock);
    return room;
}

void wsb__rpc_served(wsb_rpc_channel *rpc, size_t len)
{
    wsb__lock_acquire(&rpc->lock);
    rpc->in_service--;
    rpc->in_service_bytes -= len;
    wsb__lock_release(&rpc->lock);
}

/* Keeps a copy until there is room, in place of the frame of `len` bytes. */
static void keep(wsb_rpc_channel *rpc, const wsb_buf *answer, size_t len)
{
    wsb__rpc_answer *kept = wsb__alloc(sizeof *kept + answer->len);
    if (kept) {
        kept->next = NULL;
        kept->len = answer->len;
        memcpy(kept->data, answer->data, answer->len);
    }
    wsb__lock_acquire(&rpc->lock);
    rpc->in_service_bytes -= len;
    if (kept) {
        rpc->in_service_bytes += kept->len;
        if (rpc->last_answer)
            rpc->last_answer->next = kept;
        else
            rpc->first_answer = kept;
        rpc->last_answer = kept;
    } else {
        rpc->in_service--;
        rpc->stats.dropped++;
    }
    /* Whoever reads now has to wait for room, too. */
    wsb__rpc_scratch *leader = atomic_load(&rpc->leader); /* stays while the lock is held */
    wsb_waker *waker = leader ? wsb_waker_ref(&leader->waker) : NULL;
    wsb__rpc_background_tell(rpc);
    wsb__lock_release(&rpc->lock);
    wsb_waker_wake(waker);
    wsb_waker_unref(waker);
}

/* WSB_OK, WSB_ERROR_WOULD_BLOCK, and what will never succeed. */
static wsb_status send_result(wsb_rpc_channel *rpc, wsb_bytes answer, bool hands_over)
{
    if (hands_over)
        wsb__handoff_begin();
    wsb_status status = wsb_channel_send_result(rpc->channel, answer, 0, NULL);
    if (hands_over)
        wsb__handoff_end();
    return status;
}

static bool others_wait(wsb_rpc_channel *rpc)
{
    wsb__lock_acquire(&rpc->lock);
    bool wait = rpc->first_answer != NULL;
    wsb__lock_release(&rpc->lock);
    return wait;
}

void wsb__rpc_send_answer(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, size_t len,
                          bool hands_over)
{
    wsb_buf *answer = &scratch->answer;
    wsb_status status = WSB_OK;
    if (answer->len > 0)
        status = others_wait(rpc)
                     ? WSB_ERROR_WOULD_BLOCK
                     : send_result(rpc, wsb_bytes_of(answer->data, answer->len), hands_over);
    /* Larger than the channel: the callers are told that instead. */
    if (status == WSB_ERROR_LIMIT_EXCEEDED || status == WSB_ERROR_MALFORMED) {
        status = WSB_ERROR_CLOSED;
        if (wsb__rpc_write_refusal(rpc, scratch, WSB_RPC_INTERNAL_ERROR))
            status = send_result(rpc, wsb_bytes_of(answer->data, answer->len), hands_over);
    }
    if (status == WSB_ERROR_WOULD_BLOCK) {
        keep(rpc, answer, len);
        return;
    }
    wsb__lock_acquire(&rpc->lock);
    rpc->stats.dropped += status != WSB_OK;
    wsb__lock_release(&rpc->lock);
    wsb__rpc_served(rpc, len);
}

static wsb__rpc_answer *take_first(wsb_rpc_channel *rpc)
{
    wsb__lock_acquire(&rpc->lock);
    wsb__rpc_answer *answer = rpc->first_answer;
    if (answer) {
        rpc->first_answer = answer->next;
        if (!answer->next)
            rpc->last_answer = NULL;
    }
    wsb__lock_release(&rpc->lock);
    return answer;
}

static void put_back(wsb_rpc_channel *rpc, wsb__rpc_answer *answer)
{
    wsb__lock_acquire(&rpc->lock);
    answer->next = rpc->first_answer;
    rpc->first_answer = answer;
    if (!answer->next)
        rpc->last_answer = answer;
    wsb__lock_release(&rpc->lock);
}

bool wsb__rpc_flush_answers(wsb_rpc_channel *rpc)
{
    wsb__rpc_answer *answer;
    while ((answer = take_first(rpc)) != NULL) {
        wsb_status status = send_result(rpc, wsb_bytes_of(answer->data, answer->len), false);
        if (status == WSB_ERROR_WOULD_BLOCK) {
            put_back(rpc, answer);
            return true;
        }
        wsb__rpc_served(rpc, answer->len);
        wsb__free(answer);
    }
    return false;
}

void wsb__rpc_drop_answers(wsb_rpc_channel *rpc)
{
    wsb__rpc_answer *answer;
    while ((answer = take_first(rpc)) != NULL) {
        wsb__rpc_served(rpc, answer->len);
        wsb__free(answer);
    }
}
