/* The example of docs/guide/guest-c.md: keep the two the same. */
#define WSB_GUEST_IMPLEMENTATION
#include <wasm_sandbox_guest.h>

#include <stdio.h>
#include <string.h>

/* "Ada" -> "Hello, Ada!": the input is JSON text, here a string without escapes. */
WSB_GUEST_FUNCTION(greet, json)
{
    char name[64];
    if (input.len < 2 || input.len > sizeof name || input.data[0] != '"')
        return wsb_guest_error(22, "greet takes a name, at most 62 bytes");
    memcpy(name, input.data + 1, input.len - 2);
    name[input.len - 2] = '\0';
    char text[96];
    int len = snprintf(text, sizeof text, "\"Hello, %s!\"", name);
    return wsb_guest_ok(text, (uint32_t)len);
}

WSB_GUEST_FUNCTION(reverse, bytes)
{
    uint8_t *room = wsb_guest_begin(input.len);
    for (uint32_t i = 0; room && i < input.len; i++)
        room[i] = input.data[input.len - 1 - i];
    return wsb_guest_finish(room, input.len);
}

WSB_GUEST_SCALAR(add) int32_t add(int32_t a, int32_t b)
{
    return a + b;
}
