/* A type of channel of one's own: "audited". An auditor sees each message before it passes, and may
 * refuse it. It uses nothing but the library's headers. */
#ifndef WSB_EXAMPLES_AUDITED_CHANNEL_H
#define WSB_EXAMPLES_AUDITED_CHANNEL_H

#include <wasm_sandbox/plugin/channel.h>

/* What channels of this type are made with: the `user_data` of the registration. It must outlive
 * them. */
typedef struct auditor {
    /* Whether it may pass. From any thread, several at once. */
    bool (*may_pass)(wsb_bytes message, bool is_result, void *user_data);
    void *user_data;
} auditor;

extern const wsb_channel_ops audited_channel;

#endif
