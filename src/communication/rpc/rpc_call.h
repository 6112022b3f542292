/* What every kind of own call begins and ends with. */
#ifndef WSB_COMMUNICATION_RPC_CALL_H
#define WSB_COMMUNICATION_RPC_CALL_H

#include "communication/rpc/rpc_state.h"

/* Whether it can be written as a call at all. */
WSB_NODISCARD wsb_status wsb__rpc_check_call(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch,
                                             wsb_str method, wsb_bytes params,
                                             wsb_error **out_error);
void wsb__rpc_call_init(wsb__rpc_call *call, wsb_str method);
/* Takes the lock. WSB_ERROR_CLOSED, WSB_ERROR_LIMIT_EXCEEDED, WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__rpc_add_call(wsb_rpc_channel *rpc, wsb__rpc_call *call,
                                           wsb_error **out_error);
/* Says why a frame could not be written. */
wsb_status wsb__rpc_write_failed(wsb_rpc_channel *rpc, wsb_str method, wsb_status status,
                                 wsb_error **out_error);
/* The call's status, with its error, once. */
wsb_status wsb__rpc_outcome_error(wsb__rpc_call *call, wsb_error **out_error);

#endif
