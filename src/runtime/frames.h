/* Backtraces of rewritten modules, in terms of the module as it was given. */
#ifndef WSB_RUNTIME_FRAMES_H
#define WSB_RUNTIME_FRAMES_H

#include "runtime/module_info.h"

/* Whether the module was rewritten so that its functions have other numbers. */
bool wsb__frames_differ(const wsb__module_info *info);

/* Rewrites `text`, lines of "name @ 0xoffset", in place: numbers of functions without a name are
 * the module's own, frames of added functions go, and so do offsets, which are in code that the
 * user never saw. */
void wsb__frames_as_given(const wsb__module_info *info, char *text);

#endif
