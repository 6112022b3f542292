/* Decoding UTF-8 strictly. */
#ifndef WSB_CORE_UTF8_H
#define WSB_CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length (1 to 4) of the well-formed sequence that starts at `p`, 0 where there is none
 * (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF). `left`
 * bytes may be read, at least one. */
size_t wsb__utf8_sequence(const uint8_t *p, size_t left);

#endif
