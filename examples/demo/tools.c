/* A module whose functions a host calls: with numbers, with JSON and with MessagePack. */
#define WSB_GUEST_IMPLEMENTATION
#include <wasm_sandbox_guest.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

WSB_GUEST_SCALAR(add) int add(int a, int b)
{
    return a + b;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Reads "[1, 2.5, ...]" into `numbers`; -1 where it is something else. */
static int read_numbers(const char *text, double *numbers, int room)
{
    int count = 0;
    text += strspn(text, " \n\t\r");
    if (*text++ != '[') {
        return -1;
    }
    for (;;) {
        char *end;
        numbers[count] = strtod(text, &end);
        if (end == text || ++count > room) {
            return -1;
        }
        text = end + strspn(end, " \n\t\r");
        if (*text == ']') {
            return count;
        }
        if (*text++ != ',' || count == room) {
            return -1;
        }
    }
}

/* JSON in, JSON out: [3, 1, 2] gives {"count":3,"mean":2,"median":2}. */
WSB_GUEST_FUNCTION(statistics, json)
{
    double numbers[1000];
    char answer[200];
    double sum = 0;
    char *text = calloc(1, input.len + 1);
    if (!text) {
        return wsb_guest_error(2, "no memory");
    }
    memcpy(text, input.data, input.len);
    int count = read_numbers(text, numbers, 1000);
    free(text);
    if (count < 1) {
        return wsb_guest_error(1, "statistics takes an array of 1 to 1000 numbers");
    }
    for (int i = 0; i < count; i++) {
        sum += numbers[i];
    }
    qsort(numbers, (size_t)count, sizeof numbers[0], compare);
    double median = (numbers[count / 2] + numbers[(count - 1) / 2]) / 2;
    snprintf(answer, sizeof answer, "{\"count\":%d,\"mean\":%g,\"median\":%g}", count, sum / count,
             median);
    return wsb_guest_ok_text(answer);
}

/* MessagePack in and out: an array of small whole numbers gives {"least": .., "most": ..}. */
WSB_GUEST_FUNCTION(range, msgpack)
{
    if (input.len < 2 || (input.data[0] & 0xf0) != 0x90 ||
        (input.data[0] & 0x0fu) != input.len - 1) {
        return wsb_guest_error(1, "range takes an array of 1 to 15 numbers from 0 to 127");
    }
    unsigned char least = 127;
    unsigned char most = 0;
    for (unsigned i = 1; i < input.len; i++) {
        if (input.data[i] > 127) {
            return wsb_guest_error(1, "range takes numbers from 0 to 127");
        }
        least = input.data[i] < least ? input.data[i] : least;
        most = input.data[i] > most ? input.data[i] : most;
    }
    unsigned char answer[] = {0x82,  0xa5, 'l', 'e', 'a', 's', 't',
                              least, 0xa4, 'm', 'o', 's', 't', most};
    return wsb_guest_ok(answer, sizeof answer);
}
