/*
 * pebble: a small WebAssembly interpreter as an engine backend. It is built against the installed
 * headers alone (plugin/engine.h) and shows all that an engine has to do, and how much it need
 * not: deadlines, fuel, limits of memory and tables, WASI and capabilities are the library's.
 *
 *   reader.c     bytes to numbers, and the failure that ends all reading
 *   module.c     sections: what a module declares      segments.c   elements and data
 *   compile.c    bodies to words, with all branches resolved
 *   emit.c       the same for the instructions without control flow
 *   ops.c        the table of instructions: how each is compiled, and run
 *   run.c        control flow and calls                numeric.c    arithmetic
 *   memory.c     loads, stores, bulk memory            table.c      tables and references
 *   instance.c   making and unmaking instances         entry.c      the table of the engine
 */
#ifndef PEBBLE_H
#define PEBBLE_H

#include <wasm_sandbox/plugin/engine.h>

/* A value on the guest's stack, in a global, or in a table. A function reference is the
 * function's index plus one, an external reference the host's pointer; 0 is null. */
typedef union pb_value {
    uint32_t u32;
    int32_t s32;
    uint64_t u64;
    int64_t s64;
    float f32;
    double f64;
    const union pb_word *pc; /* in the record of a frame */
    union pb_value *fp;
} pb_value;

_Static_assert(sizeof(pb_value) == 8 && sizeof(void *) == 8, "values are 64 bits");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "memory is accessed as it is");

/* Compiled code: an instruction, or what follows one. */
typedef union pb_word {
    struct {
        uint16_t op;   /* index in pb_ops */
        uint16_t keep; /* values to keep, or another small operand */
        uint32_t a;    /* an index, an offset, a constant, or a distance in words */
    } of;
    pb_value value;
} pb_word;

typedef struct pb_type {
    wsb_value_type *values; /* parameters, then results */
    uint32_t params;
    uint32_t results;
    bool has_functions; /* a funcref among them */
} pb_type;

/* A function, or a constant expression. Imports have no code. */
typedef struct pb_function {
    const pb_type *type;
    pb_word *code;
    uint32_t locals; /* besides the parameters */
    uint32_t stack;  /* values that a frame needs at most, parameters included */
} pb_function;

typedef struct pb_table_type {
    uint32_t min;
    uint32_t max;
} pb_table_type;

typedef struct pb_export {
    wsb_str name;
    uint32_t index;
    uint8_t kind; /* as in the binary */
} pb_export;

typedef enum pb_mode { PB_ACTIVE, PB_PASSIVE, PB_DECLARED } pb_mode;

/* An element: a function's reference, or that of a global to read. */
typedef struct pb_element {
    uint32_t value;
    bool global;
} pb_element;

typedef struct pb_elements {
    pb_mode mode;
    uint32_t table;
    pb_function offset;
    uint32_t count;
    pb_element *items;
} pb_elements;

typedef struct pb_data {
    pb_mode mode;
    pb_function offset;
    wsb_bytes bytes;
} pb_data;

typedef struct pb_import {
    wsb_str module;
    wsb_str name;
} pb_import;

/* Immutable once compiled, and shared by all threads. */
typedef struct pb_module {
    const struct pb_engine *engine;
    uint8_t *bytes; /* a copy: names and data point into it */
    pb_type *types;
    pb_import *imports;
    pb_function *functions; /* imports first */
    pb_table_type *tables;
    pb_function *globals; /* their first values */
    pb_export *exports;   /* sorted by name */
    pb_elements *elements;
    pb_data *data;
    uint32_t type_count, import_count, function_count, code_count, table_count, memory_count;
    uint32_t global_count, export_count, element_count, data_count, data_read;
    uint32_t memory_min, memory_max; /* pages */
    bool has_data_count;
    bool imports_more; /* than functions */
} pb_module;

typedef struct pb_engine {
    size_t stack; /* values that an instance's stack holds */
} pb_engine;

typedef struct pb_link {
    const pb_module *module;
    const wsb_engine_import *imports;
} pb_link;

typedef struct pb_table {
    pb_value *values;
    uint32_t size;
    uint32_t max;
} pb_table;

typedef struct pb_instance {
    const pb_link *link;
    const pb_module *module;
    void *host;
    pb_value *stack;
    pb_value *stack_end;
    pb_value *fp;  /* the running frame: parameters, locals, record, operands */
    pb_value *top; /* where a call from the host begins */
    uint8_t *memory;
    uint64_t memory_size; /* bytes */
    pb_value *globals;
    pb_table *tables;
    bool *elements_gone;
    bool *data_gone;
    wsb_engine_result result; /* how the running call ended */
    wsb_engine_failure *failure;
} pb_instance;

/* Where to go on, and the stack's end then. Without `pc` the call is over. */
typedef struct pb_next {
    const pb_word *pc;
    pb_value *sp;
} pb_next;

typedef pb_next (*pb_run_fn)(pb_instance *in, const pb_word *pc, pb_value *sp);

/* Reading. The first failure is kept, and everything read after it is 0. */
typedef struct pb_reader {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    wsb_engine_result result;
    wsb_engine_failure *failure;
} pb_reader;

void pb_fail(pb_reader *r, wsb_engine_result result, const char *format, ...) WSB_PRINTF(3, 4);
bool pb_ok(const pb_reader *r);
uint8_t pb_read_byte(pb_reader *r);
uint64_t pb_read_unsigned(pb_reader *r, unsigned bits);
uint32_t pb_read_u32(pb_reader *r);
int64_t pb_read_signed(pb_reader *r, unsigned bits);
uint64_t pb_read_fixed(pb_reader *r, size_t size);
wsb_bytes pb_read_bytes(pb_reader *r, uint32_t size);
/* How many entries follow; each takes a byte at least, so no more than there are bytes. */
uint32_t pb_read_count(pb_reader *r);
/* An index below `limit`. */
uint32_t pb_read_index(pb_reader *r, uint32_t limit, const char *what);
wsb_value_type pb_read_type(pb_reader *r);
/* Zeroed; fails the reader where there is no memory. */
void *pb_read_list(pb_reader *r, size_t count, size_t size);

/* Writes a message, and gives the result back. */
wsb_engine_result pb_refuse(wsb_engine_failure *out, wsb_engine_result result, const char *text);

/* Modules. */
void pb_read_elements(pb_module *module, pb_reader *r);
void pb_read_data(pb_module *module, pb_reader *r);
void pb_compile_body(const pb_module *module, pb_function *function, pb_reader *r);
/* A constant expression, as a function that returns it. */
void pb_compile_constant(const pb_module *module, pb_function *out, pb_reader *r);

bool pb_export_find(const pb_module *module, wsb_str name, uint8_t kind, uint32_t *out_index);

/* Running. */
pb_next pb_trap(pb_instance *in, wsb_trap trap);
wsb_engine_result pb_run(pb_instance *in, const pb_function *function, pb_value *args);
wsb_engine_result pb_run_index(pb_instance *in, uint32_t index, pb_value *args);

/* True where `count` from `at` on are not all below `size`. */
static inline bool pb_outside(uint64_t at, uint64_t count, uint64_t size)
{
    return at > size || count > size - at;
}

bool pb_memory_grow(pb_instance *in, uint64_t pages);
void pb_memory_free(pb_instance *in);
bool pb_table_grow(pb_table *table, uint32_t count, pb_value value);
bool pb_memory_init(pb_instance *in, uint32_t segment, uint32_t to, uint32_t from, uint32_t count);
bool pb_table_init(pb_instance *in, uint32_t table, uint32_t segment, uint32_t to, uint32_t from,
                   uint32_t count);

/* The engine's functions, as plugin/engine.h describes them. */
wsb_engine_result pb_module_compile(void *engine, wsb_bytes bytes, void **out_module,
                                    wsb_engine_failure *out_failure);
void pb_module_destroy(void *module);
wsb_engine_result pb_link_create(void *engine, void *module, const wsb_engine_import *imports,
                                 size_t import_count, void **out_link,
                                 wsb_engine_failure *out_failure);
void pb_link_destroy(void *link);
wsb_engine_result pb_instance_create(void *link, const wsb_engine_instance_options *options,
                                     void **out_instance, wsb_engine_failure *out_failure);
void pb_instance_destroy(void *instance);
wsb_engine_result pb_call(void *instance, const wsb_engine_handle *function,
                          const wsb_function_type *type, wsb_raw_value *values,
                          wsb_engine_failure *out_failure);

#endif
