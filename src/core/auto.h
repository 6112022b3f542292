/* Cleanup at the end of a scope: `WSB_AUTO(wsb_buf, wsb_buf_fini) buf = WSB_BUF_INIT;` for
 * values, WSB_AUTO_PTR for pointers whose destructor takes NULL. */
#ifndef WSB_CORE_AUTO_H
#define WSB_CORE_AUTO_H

#define WSB_DEFINE_AUTO_PTR(type, destroy)                                                         \
    static inline void wsb__auto_##type(__typeof__(type) **p)                                      \
    {                                                                                              \
        destroy(*p);                                                                               \
    }
#define WSB_AUTO_PTR(type) __attribute__((cleanup(wsb__auto_##type))) __typeof__(type) *
#define WSB_AUTO_BUF __attribute__((cleanup(wsb_buf_fini))) wsb_buf

#endif
