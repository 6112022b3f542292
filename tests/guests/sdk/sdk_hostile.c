/* Declares what it does not keep. Freestanding: the header's own allocator is at work. */
#define WSB_GUEST_IMPLEMENTATION
#include <wasm_sandbox_guest.h>

WSB_GUEST_FUNCTION(echo_json, json)
{
    return wsb_guest_ok(input.data, input.len);
}

WSB_GUEST_FUNCTION(echo_msgpack, msgpack)
{
    return wsb_guest_ok(input.data, input.len);
}

WSB_GUEST_FUNCTION(not_json, json)
{
    (void)input;
    return wsb_guest_ok_text("{\"a\": 1, \"a\": 2}");
}

WSB_GUEST_FUNCTION(not_msgpack, msgpack)
{
    (void)input;
    return wsb_guest_ok("\xdd\xff\xff\xff\xff", 5); /* an array of four billion */
}

WSB_GUEST_FUNCTION(bad_text, json)
{
    (void)input;
    return wsb_guest_error(-7, "broken \xff\xfe\x01 text");
}

WSB_GUEST_FUNCTION(outside, bytes)
{
    (void)input;
    return 0xfffffff000000100; /* 256 bytes at 2^32 - 16: they would wrap */
}

WSB_GUEST_FUNCTION(huge, bytes)
{
    (void)input;
    return 0x00000010ffffffff;
}

WSB_GUEST_FUNCTION(overlap, bytes)
{
    return (uint64_t)(uintptr_t)input.data << 32 | input.len;
}

WSB_GUEST_FUNCTION(no_status, bytes)
{
    (void)input;
    return (uint64_t)(uintptr_t)wsb_alloc(2) << 32 | 2;
}

WSB_GUEST_FUNCTION(empty, bytes)
{
    (void)input;
    return 0;
}

WSB_GUEST_FUNCTION(exhausted, bytes)
{
    (void)input;
    return wsb_guest_finish(wsb_guest_begin(0xf0000000), 0xf0000000);
}

/* What the allocator has in use, to see that the host gives everything back. */
WSB_GUEST_SCALAR(in_use) uint32_t in_use(void)
{
    uint32_t first = ((uint32_t)(uintptr_t)&__heap_base + 15) & ~(uint32_t)15;
    uint32_t used = 0;
    for (uint32_t at = first; at < wsb_guest_heap_top_;) {
        const wsb_guest_block_ *block = wsb_guest_block_at_(at);
        used += block->used ? block->size : 0;
        at += (uint32_t)sizeof *block + block->size;
    }
    return used;
}
