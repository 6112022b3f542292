/* Linked in place of _Unwind_Backtrace for the engine (-Wl,--wrap): see wsbx_stack_is_low() in
 * src/stack.rs. The trap is then reported without frames. */
#include <stdbool.h>
#include <unwind.h>

bool wsbx_stack_is_low(void);
_Unwind_Reason_Code __real__Unwind_Backtrace(_Unwind_Trace_Fn trace, void *data);
_Unwind_Reason_Code __wrap__Unwind_Backtrace(_Unwind_Trace_Fn trace, void *data);

_Unwind_Reason_Code __wrap__Unwind_Backtrace(_Unwind_Trace_Fn trace, void *data)
{
    return wsbx_stack_is_low() ? _URC_END_OF_STACK : __real__Unwind_Backtrace(trace, data);
}
