/* What a thread does between two looks at something that another one is about to change. */
#ifndef WSB_CORE_RELAX_H
#define WSB_CORE_RELAX_H

static inline void wsb__relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
