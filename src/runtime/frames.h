/* Backtraces of rewritten modules, in terms of the module as it was given. */
#ifndef WSB_RUNTIME_FRAMES_H
#define WSB_RUNTIME_FRAMES_H

#include "runtime/module_info.h"

/* Whether code with these flags (wsb__compiled) has other numbers for its functions. */
static inline bool wsb__frames_differ(uint64_t flags)
{
    return (flags & WSB__MODULE_HAS_BUDGET) != 0;
}

/* Rewrites `text`, lines of "name @ 0xoffset", in place: numbers of functions without a name are
 * the module's own, frames of added functions go, and so do offsets, which are in code that the
 * user never saw. */
void wsb__frames_as_given(const wsb__module_info *info, char *text);

#endif
