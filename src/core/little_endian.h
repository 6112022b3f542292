/* Numbers in guests' memory and in what guests hand over. */
#ifndef WSB_CORE_LITTLE_ENDIAN_H
#define WSB_CORE_LITTLE_ENDIAN_H

#include <stdint.h>
#include <string.h>

/* The guest's memory is little-endian and its addresses need no alignment. */
static inline void wsb__put16(uint8_t *at, uint16_t value)
{
    value = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap16(value) : value;
    memcpy(at, &value, sizeof value);
}

static inline void wsb__put32(uint8_t *at, uint32_t value)
{
    value = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(value) : value;
    memcpy(at, &value, sizeof value);
}

static inline void wsb__put64(uint8_t *at, uint64_t value)
{
    value = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(value) : value;
    memcpy(at, &value, sizeof value);
}

static inline uint16_t wsb__get16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap16(value) : value;
}

static inline uint32_t wsb__get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(value) : value;
}

static inline uint64_t wsb__get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(value) : value;
}

#endif
