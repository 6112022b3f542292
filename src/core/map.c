#include "core/map.h"

#include "core/alloc.h"
#include "core/buffer.h"

#include <pthread.h>
#include <sys/random.h>
#include <time.h>

/* Open addressing with linear probing, at most three quarters full. `hash` 0 marks a free slot. */
typedef struct map_slot {
    uint64_t hash;
    wsb_str key;
    void *value;
} map_slot;

struct wsb__map {
    uint64_t key0;
    uint64_t key1;
    map_slot *slots;
    size_t mask; /* slots - 1; slots is a power of two */
    size_t count;
};

/* Keys come from modules that attackers write (a hundred thousand export names): the hash is
 * keyed with a secret of this process, so that collisions cannot be prepared. */
static uint64_t secret[2];
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

static void make_secret(void)
{
    if (getrandom(secret, sizeof secret, GRND_NONBLOCK) == (ssize_t)sizeof secret)
        return;
    /* Early in boot only: the time and the address layout have to do. */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    secret[0] = (uint64_t)now.tv_nsec * 0x9E3779B97F4A7C15u ^ (uint64_t)(uintptr_t)&now;
    secret[1] = (uint64_t)now.tv_sec * 0xC2B2AE3D27D4EB4Fu ^ (uint64_t)(uintptr_t)&secret_once;
}

static inline uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

/* One round of SipHash (Aumasson and Bernstein, 2012). */
static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline uint64_t last_word(const char *data, size_t rest, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < rest; i++)
        word |= (uint64_t)(uint8_t)data[i] << (8 * i);
    return word | (uint64_t)len << 56;
}

/* SipHash-1-3. */
static inline uint64_t hash_of(const wsb__map *map, wsb_str key)
{
    uint64_t v[4] = {map->key0 ^ 0x736f6d6570736575u, map->key1 ^ 0x646f72616e646f6du,
                     map->key0 ^ 0x6c7967656e657261u, map->key1 ^ 0x7465646279746573u};
    size_t whole = key.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word;
        memcpy(&word, key.data + i, sizeof word);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = last_word(key.data + whole, key.len & 7, key.len);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    uint64_t hash = v[0] ^ v[1] ^ v[2] ^ v[3];
    return hash ? hash : 1;
}

/* The slot of the key, or the free one where it belongs. There is always a free one. */
static inline map_slot *find_slot(const wsb__map *map, wsb_str key, uint64_t hash)
{
    size_t i = (size_t)hash & map->mask;
    for (;; i = (i + 1) & map->mask) {
        map_slot *slot = &map->slots[i];
        if (slot->hash == 0)
            return slot;
        if (slot->hash == hash && wsb__str_equal(slot->key, key))
            return slot;
    }
}

wsb__map *wsb__map_create(void)
{
    pthread_once(&secret_once, make_secret);
    wsb__map *map = wsb__calloc(1, sizeof *map);
    if (!map)
        return NULL;
    map->key0 = secret[0];
    map->key1 = secret[1];
    return map;
}

void wsb__map_destroy(wsb__map *map)
{
    if (!map)
        return;
    wsb__free(map->slots);
    wsb__free(map);
}

static wsb_status resize(wsb__map *map, size_t slots)
{
    map_slot *old = map->slots;
    size_t old_slots = old ? map->mask + 1 : 0;
    map_slot *fresh = wsb__calloc(slots, sizeof *fresh);
    if (!fresh)
        return WSB_ERROR_OUT_OF_MEMORY;
    map->slots = fresh;
    map->mask = slots - 1;
    for (size_t i = 0; i < old_slots; i++)
        if (old[i].hash)
            *find_slot(map, old[i].key, old[i].hash) = old[i];
    wsb__free(old);
    return WSB_OK;
}

wsb_status wsb__map_reserve(wsb__map *map, size_t count)
{
    if (count > SIZE_MAX / sizeof(map_slot) / 4)
        return WSB_ERROR_OUT_OF_MEMORY;
    size_t slots = map->slots ? map->mask + 1 : 8;
    while (slots / 4 * 3 < count)
        slots *= 2;
    if (map->slots && slots == map->mask + 1)
        return WSB_OK;
    return resize(map, slots);
}

wsb_status wsb__map_put(wsb__map *map, wsb_str key, void *value)
{
    wsb_status status = wsb__map_reserve(map, map->count + 1);
    if (status != WSB_OK)
        return status;
    uint64_t hash = hash_of(map, key);
    map_slot *slot = find_slot(map, key, hash);
    if (slot->hash == 0)
        map->count++;
    *slot = (map_slot){hash, key, value};
    return WSB_OK;
}

void *wsb__map_get(const wsb__map *map, wsb_str key)
{
    if (!map->slots)
        return NULL;
    /* A free slot's value is NULL. */
    return find_slot(map, key, hash_of(map, key))->value;
}

size_t wsb__map_count(const wsb__map *map)
{
    return map->count;
}
