#include "core/map.h"

#include "core/alloc.h"

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
    map_slot *slots;
    size_t mask; /* slots - 1; slots is a power of two */
    size_t count;
};

/* Keys come from modules that attackers write (a hundred thousand export names): the hash takes
 * secrets of this process, so that collisions cannot be prepared. */
#define SECRETS 4
static uint64_t secrets[SECRETS];
static pthread_once_t secrets_once = PTHREAD_ONCE_INIT;

static void make_secrets(void)
{
    if (getrandom(secrets, sizeof secrets, GRND_NONBLOCK) == (ssize_t)sizeof secrets)
        return;
    /* Early in boot only: the time and the address layout have to do. */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t seed = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 32 ^ (uint64_t)(uintptr_t)&now ^
                    (uint64_t)(uintptr_t)&secrets_once << 17;
    for (size_t i = 0; i < SECRETS; i++)
        secrets[i] = (seed + i + 1) * 0x9E3779B97F4A7C15u ^ seed >> 29;
}

static inline uint64_t load64(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint64_t load32(const char *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* Both halves of the product of two words. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* At most 16 bytes as two words, which together with the length tell all such texts apart. */
static inline void load_short(const char *p, size_t len, uint64_t *a, uint64_t *b)
{
    if (len >= 8) {
        *a = load64(p);
        *b = load64(p + len - 8);
    } else if (len >= 4) {
        *a = load32(p) << 32 | load32(p + len - 4);
        *b = 0;
    } else {
        *a = len > 0 ? (uint64_t)(uint8_t)p[0] << 16 | (uint64_t)(uint8_t)p[len / 2] << 8 |
                           (uint8_t)p[len - 1]
                     : 0;
        *b = 0;
    }
}

/* Multiply and fold, sixteen bytes at a time; each word meets a secret before it is multiplied. */
static inline uint64_t hash_of(wsb_str key)
{
    const char *p = key.data;
    size_t left = key.len;
    uint64_t hash = secrets[2];
    uint64_t a;
    uint64_t b;
    for (; left > 16; left -= 16, p += 16)
        hash = fold(load64(p) ^ secrets[0], load64(p + 8) ^ secrets[1] ^ hash);
    load_short(p, left, &a, &b);
    hash = fold(a ^ secrets[0], b ^ secrets[1] ^ hash);
    hash = fold(hash ^ secrets[2], key.len ^ secrets[3]);
    return hash ? hash : 1;
}

static inline bool same_key(wsb_str a, wsb_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The slot of the key, or the free one where it belongs. There is always a free one. */
static inline map_slot *find_slot(const wsb__map *map, wsb_str key, uint64_t hash)
{
    size_t i = (size_t)hash & map->mask;
    for (;; i = (i + 1) & map->mask) {
        map_slot *slot = &map->slots[i];
        if (slot->hash == 0)
            return slot;
        if (slot->hash == hash && same_key(slot->key, key))
            return slot;
    }
}

wsb__map *wsb__map_create(void)
{
    pthread_once(&secrets_once, make_secrets);
    return wsb__calloc(1, sizeof(wsb__map));
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
    uint64_t hash = hash_of(key);
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
    return find_slot(map, key, hash_of(key))->value;
}

size_t wsb__map_count(const wsb__map *map)
{
    return map->count;
}
