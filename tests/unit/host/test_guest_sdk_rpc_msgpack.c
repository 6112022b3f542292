/* The C SDK's side of MessagePack-RPC: each way to write a frame, and each way to spoil one. */
#include "unit/host/sdk_rpc_test.h"

enum { FRAME_MAX = 256 };

#define PARSE_ERROR TEXT("\x94\x01\xc0\x92\xd1\x80\x44\xabparse error\xc0")
#define ADD                                                                                        \
    "\xa3"                                                                                         \
    "add"
#define ECHO                                                                                       \
    "\xa4"                                                                                         \
    "echo"

/* A frame or an answer that is put together. */
typedef struct frame {
    uint8_t data[FRAME_MAX];
    size_t len;
} frame;

static void add_bytes(frame *f, const void *data, size_t len)
{
    assert_true(len <= sizeof f->data - f->len);
    memcpy(f->data + f->len, data, len);
    f->len += len;
}

static void send_frame(fixture *f, const frame *sent, const void *answer, size_t len)
{
    exchange(f, MSGPACK, sent->data, sent->len, answer, len);
}

typedef struct text {
    const char *data;
    size_t len;
} text;

/* The id comes back byte for byte, however it and what stands before it are written. */
static void test_ids(void **state)
{
    const text ids[] = {
        {TEXT("\x00")},
        {TEXT("\x7f")},
        {TEXT("\xcc\x07")},
        {TEXT("\xcc\xff")},
        {TEXT("\xcd\x00\x07")},
        {TEXT("\xcd\xff\xff")},
        {TEXT("\xce\x00\x00\x00\x07")},
        {TEXT("\xce\xff\xff\xff\xff")},
        {TEXT("\xcf\x00\x00\x00\x00\x00\x00\x00\x07")},
        {TEXT("\xcf\x00\x00\x00\x00\xff\xff\xff\xff")},
        {TEXT("\xd0\x7f")},
        {TEXT("\xd1\x7f\xff")},
        {TEXT("\xd2\x7f\xff\xff\xff")},
        {TEXT("\xd3\x00\x00\x00\x00\xff\xff\xff\xff")},
    };
    const text heads[] = {{TEXT("\x94\x00")},
                          {TEXT("\xdc\x00\x04\x00")},
                          {TEXT("\xdd\x00\x00\x00\x04\xd0\x00")},
                          {TEXT("\x94\xcf\x00\x00\x00\x00\x00\x00\x00\x00")}};
    for (size_t h = 0; h < sizeof heads / sizeof heads[0]; h++) {
        for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
            frame sent = {.len = 0};
            frame answer = {.len = 0};
            add_bytes(&sent, heads[h].data, heads[h].len);
            add_bytes(&sent, ids[i].data, ids[i].len);
            add_bytes(&sent, TEXT(ADD "\x92\x05\x03"));
            add_bytes(&answer, TEXT("\x94\x01"));
            add_bytes(&answer, ids[i].data, ids[i].len);
            add_bytes(&answer, TEXT("\xc0\x08"));
            send_frame(*state, &sent, answer.data, answer.len);
        }
    }
}

/* Well-formed, but no ids: the answer cannot name them. */
static void test_wrong_ids(void **state)
{
    const text ids[] = {
        {TEXT("\xff")},
        {TEXT("\xe0")},
        {TEXT("\xcf\x00\x00\x00\x01\x00\x00\x00\x00")},
        {TEXT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")},
        {TEXT("\xd0\x80")},
        {TEXT("\xd3\x00\x00\x00\x01\x00\x00\x00\x00")},
        {TEXT("\xd3\xff\xff\xff\xff\xff\xff\xff\xff")},
        {TEXT("\xc0")},
        {TEXT("\xc2")},
        {TEXT("\xca\x00\x00\x00\x00")},
        {TEXT("\xa1"
              "7")},
        {TEXT("\x90")},
        {TEXT("\xd4\x01\x07")},
    };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        frame sent = {.len = 0};
        add_bytes(&sent, TEXT("\x94\x00"));
        add_bytes(&sent, ids[i].data, ids[i].len);
        add_bytes(&sent, TEXT(ADD "\x92\x05\x03"));
        send_frame(*state, &sent, TEXT("\x94\x01\xc0\x92\xd1\x80\xa8\xafinvalid request\xc0"));
    }
}

/* Each type of value, in the parameters and in a result. */
static const text values[] = {
    {TEXT("\xc0")},
    {TEXT("\xc2")},
    {TEXT("\xc3")},
    {TEXT("\x7f")},
    {TEXT("\xe0")},
    {TEXT("\xcc\x01")},
    {TEXT("\xcd\x00\x01")},
    {TEXT("\xce\x00\x00\x00\x01")},
    {TEXT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")},
    {TEXT("\xd0\x80")},
    {TEXT("\xd1\x80\x00")},
    {TEXT("\xd2\x80\x00\x00\x00")},
    {TEXT("\xd3\x80\x00\x00\x00\x00\x00\x00\x00")},
    {TEXT("\xca\x3f\x80\x00\x00")},
    {TEXT("\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00")},
    {TEXT("\xa0")},
    {TEXT("\xa2\xff\xfe")}, /* of text only the length is looked at */
    {TEXT("\xbf"
          "0123456789012345678901234567890")},
    {TEXT("\xd9\x02"
          "ab")},
    {TEXT("\xda\x00\x02"
          "ab")},
    {TEXT("\xdb\x00\x00\x00\x02"
          "ab")},
    {TEXT("\xc4\x01"
          "a")},
    {TEXT("\xc5\x00\x01"
          "a")},
    {TEXT("\xc6\x00\x00\x00\x01"
          "a")},
    {TEXT("\xc7\x01\x05"
          "a")},
    {TEXT("\xc8\x00\x01\x05"
          "a")},
    {TEXT("\xc9\x00\x00\x00\x01\x05"
          "a")},
    {TEXT("\xd4\x05"
          "a")},
    {TEXT("\xd5\x05"
          "ab")},
    {TEXT("\xd6\x05"
          "abcd")},
    {TEXT("\xd7\x05"
          "abcdefgh")},
    {TEXT("\xd8\x05"
          "abcdefghijklmnop")},
    {TEXT("\x90")},
    {TEXT("\x9f\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f")},
    {TEXT("\xdc\x00\x02\x01\x90")},
    {TEXT("\xdd\x00\x00\x00\x01\x80")},
    {TEXT("\x80")},
    {TEXT("\x82\x01\x02\xc0\x91\xc0")},
    {TEXT("\xde\x00\x01\x01\x02")},
    {TEXT("\xdf\x00\x00\x00\x01\xa1"
          "a\x93\x01\x02\xcc\x03")},
};

static void put_echo(frame *sent, const text *value)
{
    add_bytes(sent, TEXT("\x94\x00\xcd\x01\x02" ECHO "\x92"));
    add_bytes(sent, value->data, value->len);
    add_bytes(sent, TEXT("\x05"));
}

static void test_values(void **state)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        frame sent = {.len = 0};
        frame answer = {.len = 0};
        put_echo(&sent, &values[i]);
        add_bytes(&answer, TEXT("\x94\x01\xcd\x01\x02\xc0\x92"));
        add_bytes(&answer, values[i].data, values[i].len);
        add_bytes(&answer, TEXT("\x05"));
        send_frame(*state, &sent, answer.data, answer.len);
    }
}

/* A frame that ends too early, or too late, is none. */
static void test_wrong_lengths(void **state)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        frame sent = {.len = 0};
        put_echo(&sent, &values[i]);
        size_t len = sent.len;
        for (sent.len = 0; sent.len < len; sent.len++)
            send_frame(*state, &sent, PARSE_ERROR);
        sent.len = len;
        for (int extra = 0; extra < 2; extra++) {
            add_bytes(&sent, extra ? "\xc1" : "\xc0", 1);
            send_frame(*state, &sent, PARSE_ERROR);
        }
    }
}

/* Lengths and counts that promise more than there is, and what is no type. */
static void test_wrong_values(void **state)
{
    const text wrong[] = {
        {TEXT("\xc1")},
        {TEXT("\xbf"
              "a")},
        {TEXT("\xd9\xff"
              "a")},
        {TEXT("\xda\xff\xff"
              "a")},
        {TEXT("\xdb\xff\xff\xff\xff"
              "a")},
        {TEXT("\xc4\xff"
              "a")},
        {TEXT("\xc5\xff\xff"
              "a")},
        {TEXT("\xc6\xff\xff\xff\xff"
              "a")},
        {TEXT("\xc6\xff\xff\xff\xfb"
              "a")}, /* would wrap a pointer */
        {TEXT("\xc7\xff\x05"
              "a")},
        {TEXT("\xc8\xff\xff\x05"
              "a")},
        {TEXT("\xc9\xff\xff\xff\xff\x05"
              "a")},
        {TEXT("\xc9\xff\xff\xff\xfa\x05"
              "a")},
        {TEXT("\xd8\x05"
              "a")},
        {TEXT("\x9f\x01")},
        {TEXT("\xdc\xff\xff\x01")},
        {TEXT("\xdd\xff\xff\xff\xff\x01")},
        {TEXT("\x8f\x01")},
        {TEXT("\xde\xff\xff\x01")},
        {TEXT("\xdf\xff\xff\xff\xff\x01")},
        {TEXT("\xdf\x80\x00\x00\x00\x01")},
        {TEXT("\x92\xdd\xff\xff\xff\xff\xdd\xff\xff\xff\xff\x01")},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        frame sent = {.len = 0};
        put_echo(&sent, &wrong[i]);
        send_frame(*state, &sent, PARSE_ERROR);
    }
}

/* As deep as a frame can be: nothing recurses. */
static void test_deep_values(void **state)
{
    static uint8_t sent[CAPACITY / 2];
    static uint8_t answer[CAPACITY / 2];
    const char head[] = "\x94\x00\x07" ECHO;
    const char answer_head[] = "\x94\x01\x07\xc0";
    size_t deep = sizeof sent - sizeof head;
    memcpy(sent, head, sizeof head - 1);
    memset(sent + sizeof head - 1, 0x91, deep);
    exchange(*state, MSGPACK, sent, sizeof head - 1 + deep, PARSE_ERROR);
    sent[sizeof head - 1 + deep] = 0x90;
    memcpy(answer, answer_head, sizeof answer_head - 1);
    memset(answer + sizeof answer_head - 1, 0x91, deep);
    answer[sizeof answer_head - 1 + deep] = 0x90;
    exchange(*state, MSGPACK, sent, sizeof head + deep, answer, sizeof answer_head + deep);
    exchange(*state, MSGPACK, TEXT("\x94\x00\x07" ADD "\x92\x05\x03"),
             TEXT("\x94\x01\x07\xc0\x08")); /* after a large one */
}

/* Answers in the place of calls, and counts that do not fit the type. */
static void test_other_frames(void **state)
{
    const struct {
        text frame;
        char id;
    } rows[] = {
        {{TEXT("\x94\x01\x07\xc0\x08")}, 0x07},
        {{TEXT("\x94\x01\xc0\xc0\x08")}, '\xc0'},
        {{TEXT("\x94\x01\x07\x92\x01\xa1x\xc0")}, 0x07},
        {{TEXT("\x93\x00\x07" ADD)}, '\xc0'},
        {{TEXT("\x95\x00\x07" ADD "\x90\x90")}, '\xc0'},
        {{TEXT("\x94\x02" ADD "\x90\x90")}, '\xc0'},
        {{TEXT("\x94\xff\x07" ADD "\x90")}, '\xc0'},
        {{TEXT("\x94\xcf\x00\x00\x00\x01\x00\x00\x00\x00\x07" ADD "\x90")}, '\xc0'},
        {{TEXT("\x94\x00\x07\xc4\x03"
               "add\x90")},
         0x07},
        {{TEXT("\x94\x00\x07" ADD "\xc0")}, 0x07},
        {{TEXT("\x94\x00\x07" ADD "\xdb\x00\x00\x00\x00")}, 0x07},
        {{TEXT("\x93\x02" ADD "\x05")}, '\xc0'},
        {{TEXT("\x84\x00\x07" ADD "\x90\x01\x01\x01\x01")}, '\xc0'},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        frame sent = {.len = 0};
        frame answer = {.len = 0};
        add_bytes(&sent, rows[i].frame.data, rows[i].frame.len);
        add_bytes(&answer, TEXT("\x94\x01"));
        add_bytes(&answer, &rows[i].id, 1);
        add_bytes(&answer, TEXT("\x92\xd1\x80\xa8\xafinvalid request\xc0"));
        send_frame(*state, &sent, answer.data, answer.len);
    }
}

/* Method names in each way that text is written. */
static void test_names(void **state)
{
    const text names[] = {{TEXT(ADD)},
                          {TEXT("\xd9\x03"
                                "add")},
                          {TEXT("\xda\x00\x03"
                                "add")},
                          {TEXT("\xdb\x00\x00\x00\x03"
                                "add")}};
    const text others[] = {{TEXT("\xa0")},
                           {TEXT("\xa2"
                                 "ad")},
                           {TEXT("\xa4"
                                 "add\0")},
                           {TEXT("\xa4"
                                 "add ")},
                           {TEXT("\xa3\xff\xfe\xfd")},
                           {TEXT("\xbf"
                                 "0123456789012345678901234567890")}};
    for (size_t i = 0; i < 4 + sizeof others / sizeof others[0]; i++) {
        frame sent = {.len = 0};
        const text *name = i < 4 ? &names[i] : &others[i - 4];
        add_bytes(&sent, TEXT("\x94\x00\x07"));
        add_bytes(&sent, name->data, name->len);
        add_bytes(&sent, TEXT("\x92\x05\x03"));
        if (i < 4)
            send_frame(*state, &sent, TEXT("\x94\x01\x07\xc0\x08"));
        else
            send_frame(*state, &sent, TEXT("\x94\x01\x07\x92\xd1\x80\xa7\xb0method not found\xc0"));
    }
}

/* Numbers of each size, read and written. */
static void test_sums(void **state)
{
    const struct {
        text numbers;
        text sum;
    } rows[] = {
        {{TEXT("\x7f\x00")}, {TEXT("\x7f")}},
        {{TEXT("\x7f\x01")}, {TEXT("\xcc\x80")}},
        {{TEXT("\xe0\x00")}, {TEXT("\xe0")}},
        {{TEXT("\xe0\xff")}, {TEXT("\xd0\xdf")}},
        {{TEXT("\xcc\xff\x01")}, {TEXT("\xcd\x01\x00")}},
        {{TEXT("\xcd\xff\xff\x01")}, {TEXT("\xce\x00\x01\x00\x00")}},
        {{TEXT("\xce\xff\xff\xff\xff\x01")}, {TEXT("\xcf\x00\x00\x00\x01\x00\x00\x00\x00")}},
        {{TEXT("\xd0\x80\xff")}, {TEXT("\xd1\xff\x7f")}},
        {{TEXT("\xd1\x80\x00\xff")}, {TEXT("\xd2\xff\xff\x7f\xff")}},
        {{TEXT("\xd2\x80\x00\x00\x00\xff")}, {TEXT("\xd3\xff\xff\xff\xff\x7f\xff\xff\xff")}},
        {{TEXT("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff\x00")},
         {TEXT("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff")}},
        {{TEXT("\xd3\x80\x00\x00\x00\x00\x00\x00\x00\x00")},
         {TEXT("\xd3\x80\x00\x00\x00\x00\x00\x00\x00")}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        frame sent = {.len = 0};
        frame answer = {.len = 0};
        add_bytes(&sent, TEXT("\x94\x00\x07" ADD "\x92"));
        add_bytes(&sent, rows[i].numbers.data, rows[i].numbers.len);
        add_bytes(&answer, TEXT("\x94\x01\x07\xc0"));
        add_bytes(&answer, rows[i].sum.data, rows[i].sum.len);
        send_frame(*state, &sent, answer.data, answer.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deep_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sums, setup, teardown),
    };
    return RUN_IN_BOTH_MODES(tests, load, unload);
}
