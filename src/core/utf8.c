#include "core/utf8.h"

#include "core/buffer.h"

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

size_t wsb__utf8_sequence(const uint8_t *p, size_t left)
{
    uint8_t lead = p[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (left < length)
        return 0;
    /* The second byte's range is what rules out overlong forms, surrogates and the excess. */
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!is_continuation(p[i]))
            return 0;
    return length;
}

bool wsb__utf8_valid(const void *data, size_t len)
{
    const uint8_t *p = data;
    while (len > 0) {
        uint64_t word;
        if (len >= sizeof word) {
            memcpy(&word, p, sizeof word);
            if (!(word & 0x8080808080808080u)) {
                p += sizeof word;
                len -= sizeof word;
                continue;
            }
        }
        size_t length = wsb__utf8_sequence(p, len);
        if (length == 0)
            return false;
        p += length;
        len -= length;
    }
    return true;
}
