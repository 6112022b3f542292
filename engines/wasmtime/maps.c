/* How many mappings of memory the system allows a process, and how many fibers need. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend.h"

/* Measured (docs/internals/engines.md). A stack is one, and its guard page another. A memory is
 * what lies before its initial contents, these, what lies behind, and what it may not use. */
#define WT_MAPS_PER_GUEST ((uint64_t)6)
/* For all else that the process has yet to do. */
#define WT_MAPS_RESERVE ((uint64_t)1000)
#define WT_MAX_FIBERS ((uint64_t)1000000)

/* UINT64_MAX where the system does not tell: it says itself when a mapping is one too many. */
static uint64_t maps_allowed(void)
{
    char text[32];
    char *end = text;
    uint64_t number = 0;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    if (!file)
        return UINT64_MAX;
    if (fgets(text, sizeof text, file))
        number = strtoull(text, &end, 10);
    fclose(file);
    return end == text ? UINT64_MAX : number;
}

static uint64_t maps_taken(void)
{
    char block[4096];
    uint64_t lines = 0;
    size_t len = 0;
    FILE *file = fopen("/proc/self/maps", "re");
    if (!file)
        return 0;
    do {
        len = fread(block, 1, sizeof block, file);
        for (size_t i = 0; i < len; i++)
            lines += block[i] == '\n';
    } while (len == sizeof block);
    fclose(file);
    return lines;
}

wsb_engine_result wt_maps_check(uint64_t guests, wsb_engine_failure *out_failure)
{
    if (guests > WT_MAX_FIBERS)
        return wt_fail_text(out_failure, WSB_ENGINE_FAILED,
                            "at most 1,000,000 guests can have stacks of their own");
    uint64_t needed = guests * WT_MAPS_PER_GUEST + WT_MAPS_RESERVE;
    uint64_t allowed = maps_allowed();
    uint64_t taken = maps_taken();
    if (taken < allowed && needed <= allowed - taken)
        return WSB_ENGINE_OK;
    snprintf(out_failure->message, sizeof out_failure->message,
             "%" PRIu64 " guests with stacks of their own need up to %" PRIu64
             " memory mappings beside the %" PRIu64 " that the process has, and the system allows "
             "%" PRIu64 " in all: let it allow more (sysctl -w vm.max_map_count=%" PRIu64
             "), or set lower max_fibers and pool_instances",
             guests, needed, taken, allowed, needed + taken);
    return WSB_ENGINE_FAILED;
}
