/* A channel of one's own: its type is registered beside the built-in ones, and used like them. The
 * type itself is in audited_channel.c. */
#include "audited_channel.h"
#include "check.h"

#include <pthread.h>

/* Lets everything pass but what has a password in it. */
static bool without_passwords(wsb_bytes message, bool is_result, void *user_data)
{
    unsigned *seen = user_data;
    static const char word[] = "password";
    const size_t len = sizeof word - 1;
    (void)is_result;
    __atomic_add_fetch(seen, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i + len <= message.len; i++)
        if (memcmp(message.data + i, word, len) == 0)
            return false;
    return true;
}

/* The other side: answers each message with its length, until there are no more. */
static void *answer(void *argument)
{
    wsb_channel *channel = argument;
    wsb_buf message = WSB_BUF_INIT; /* one for all messages: its memory is used again */
    while (wsb_channel_receive(channel, &message, UINT64_MAX, NULL) == WSB_OK) {
        char text[32];
        int len = snprintf(text, sizeof text, "%zu bytes", message.len);
        if (wsb_channel_send_result(channel, wsb_bytes_of(text, (size_t)len), UINT64_MAX, NULL) !=
            WSB_OK)
            break;
    }
    wsb_buf_fini(&message);
    wsb_channel_destroy(channel);
    return NULL;
}

static void ask(wsb_channel *channel, const char *text, wsb_buf *result)
{
    wsb_error *error = NULL;
    check(wsb_channel_send(channel, wsb_bytes_of(text, strlen(text)), UINT64_MAX, &error), &error);
    check(wsb_channel_receive_result(channel, result, UINT64_MAX, &error), &error);
    printf("%s: %s\n", text, (const char *)result->data);
}

int main(void)
{
    wsb_error *error = NULL;
    wsb_channel_factory *factory = NULL;
    wsb_channel *mine = NULL, *other = NULL;
    wsb_buf result = WSB_BUF_INIT;
    pthread_t thread;
    unsigned seen = 0;
    auditor rules = {without_passwords, &seen};

    check(wsb_channel_factory_create(&factory, &error), &error);
    check(wsb_channel_factory_register(factory, &audited_channel, &rules, NULL, &error), &error);
    check(wsb_channel_factory_create_channel(factory, wsb_cstr("audited"), NULL, &mine, &other,
                                             &error),
          &error);
    expect(pthread_create(&thread, NULL, answer, other) == 0, "a thread");

    ask(mine, "hello", &result);
    expect(strcmp((const char *)result.data, "5 bytes") == 0, "the answer to hello");
    wsb_status status = wsb_channel_send(mine, wsb_bytes_of("my password", 11), 0, &error);
    printf("my password: %s\n", wsb_error_message(error));
    expect(status == WSB_ERROR_ACCESS_DENIED, "passwords do not pass");
    wsb_error_destroy(error);
    error = NULL;
    ask(mine, "hello again", &result);
    expect(strcmp((const char *)result.data, "11 bytes") == 0, "the answer to hello again");

    wsb_channel_close(mine); /* ends the other side's loop */
    pthread_join(thread, NULL);
    expect(seen == 5, "the auditor saw three messages and two results");

    wsb_buf_fini(&result);
    wsb_channel_destroy(mine);
    wsb_channel_factory_destroy(factory);
    return 0;
}
