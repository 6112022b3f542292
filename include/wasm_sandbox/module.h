/**
 * @file module.h
 * A compiled module and what is in it.
 */
#ifndef WASM_SANDBOX_MODULE_H
#define WASM_SANDBOX_MODULE_H

#include <wasm_sandbox/error.h>
#include <wasm_sandbox/limits.h>
#include <wasm_sandbox/value.h>

WSB_BEGIN_DECLS

/** See runtime.h. */
typedef struct wsb_runtime wsb_runtime;

/** A module that passed the scan and was compiled. Immutable, reference-counted. [thread-safe] */
typedef struct wsb_module wsb_module;

/** Bounds that the scan puts on a module before any engine sees it; one that is exceeded is
 * WSB_ERROR_LIMIT_EXCEEDED, naming the field. 0 is the default, WSB_UNLIMITED lifts a bound. */
typedef struct wsb_module_bounds {
    size_t size;
    uint64_t max_module_size;    /**< bytes; default 256 MiB */
    uint64_t max_functions;      /**< imported and defined; default 150,000 */
    uint64_t max_function_size;  /**< bytes of one body; default 1 MiB */
    uint64_t max_locals;         /**< locals of one function; default 50,000 */
    uint64_t max_branch_targets; /**< br_table targets in the whole module; default 2,000,000 */
    uint64_t max_function_branch_targets; /**< of one function; default 200,000 */
    uint64_t max_nesting;          /**< nested blocks in one function, and operators of a constant
                                         expression (never more than 1,000); default 1,000 */
    uint64_t max_types;            /**< default 1,000,000 */
    uint64_t max_imports;          /**< default 10,000 */
    uint64_t max_exports;          /**< default 100,000 */
    uint64_t max_globals;          /**< default 20,000; never more than 50,000 */
    uint64_t max_tables;           /**< default 100 */
    uint64_t max_data_segments;    /**< default 100,000 */
    uint64_t max_element_segments; /**< default 100,000 */
    /** Entries of all element segments. What an engine can not lay out in advance counts as more:
     * an entry or an operator of a constant expression as 100, a segment as 400. That is passive
     * segments; where one element segment has expressions as items, or one's place is not a number
     * or not in its table, it and those after it; the same of one data segment, all of them; and
     * globals that are not just a number. Default 10,000,000 */
    uint64_t max_elements;
    uint64_t max_total_locals; /**< locals of all functions; default 20,000,000 */
    /** Values that meet where branches meet, in the whole module: the locals that change within a
     * block and live beyond a branch, times the branches to its end (of a loop, its head), and
     * each such branch. A compiler's memory grows with it. Default 80,000,000 */
    uint64_t max_merges;
    uint64_t max_function_merges; /**< of one function; default 5,000,000 */
    /** For each call within try blocks the handlers around it, in the whole module: some engines
     * take time with the square of one function's. Default 4,000,000 */
    uint64_t max_handlers;
    uint64_t max_function_handlers; /**< of one function; default 400,000 */
} wsb_module_bounds;

/** Every bound at its default. */
#define WSB_MODULE_BOUNDS_INIT                                                                     \
    {sizeof(wsb_module_bounds), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** How a module is compiled. */
typedef struct wsb_module_options {
    size_t size;
    wsb_str name; /**< shown in errors and backtraces; empty: "module". Copied. */
    /** The limits that instances will have, where known: the module is compiled at once for what
     * they need (fuel, stack). Otherwise that happens when the first such instance is made. */
    const wsb_resource_limits *limits;
    const wsb_module_bounds *bounds; /**< NULL: the runtime's */
} wsb_module_options;

/** No name, default limits, the runtime's bounds. */
#define WSB_MODULE_OPTIONS_INIT {sizeof(wsb_module_options), {NULL, 0}, NULL, NULL}

/** What is imported or exported. */
typedef enum wsb_extern_kind {
    WSB_EXTERN_FUNCTION = 0,
    WSB_EXTERN_TABLE = 1,
    WSB_EXTERN_MEMORY = 2,
    WSB_EXTERN_GLOBAL = 3,
    WSB_EXTERN_TAG = 4
} wsb_extern_kind;

/** How an export is called with structured data; declared by the guest SDK in a custom section. */
typedef enum wsb_convention {
    WSB_CONVENTION_SCALAR = 0,
    WSB_CONVENTION_BUFFER = 1,
    WSB_CONVENTION_COMMAND = 2, /**< WASI `_start` */
    WSB_CONVENTION_REACTOR = 3  /**< WASI `_initialize` */
} wsb_convention;

/** What a function of the buffer convention takes and returns. */
typedef enum wsb_encoding {
    WSB_ENCODING_JSON = 0,
    WSB_ENCODING_MSGPACK = 1,
    WSB_ENCODING_BYTES = 2
} wsb_encoding;

/** An import or export. Borrowed; valid while the module is. */
typedef struct wsb_extern_info {
    wsb_str module; /**< imports only */
    wsb_str name;
    wsb_extern_kind kind;
    wsb_function_type function; /**< functions */
    uint64_t minimum;           /**< memories: pages of 64 KiB; tables: elements */
    uint64_t maximum;           /**< the same, WSB_UNLIMITED where the module gives none */
    bool is_64;                 /**< memories and tables with 64-bit addresses */
    wsb_value_type value_type;  /**< globals and tables */
    bool is_mutable;            /**< globals */
    bool declared;              /**< functions: the guest declared how it is called */
    wsb_convention convention;
    wsb_encoding encoding;
} wsb_extern_info;

/** What the scan found. Borrowed; valid while the module is. */
typedef struct wsb_module_info {
    size_t size;
    const wsb_extern_info *imports;
    size_t import_count;
    const wsb_extern_info *exports;
    size_t export_count;
    bool has_memory;
    uint64_t memory_minimum; /**< bytes */
    uint64_t memory_maximum; /**< bytes, WSB_UNLIMITED where the module gives none */
    uint64_t function_count; /**< defined */
    uint64_t code_size;      /**< bytes of all bodies */
    uint64_t module_size;    /**< bytes as given */
    bool is_command;         /**< exports `_start` */
    bool is_reactor;         /**< exports `_initialize` */
    bool has_start;          /**< has a start function */
    wsb_str allocator;       /**< the allocator export that the buffer convention uses, or empty */
    wsb_str deallocator;
    /** Proposals that it uses, WSB_ENGINE_PROPOSALS bits (runtime.h): an engine whose `features`
     * lack one cannot run it. */
    uint32_t required_features;
} wsb_module_info;

/**
 * Scans, transforms and compiles a module; or takes it from the runtime's code cache.
 *
 * @param bytes  binary, or UTF-8 text format. Copied where needed later.
 * @param options  NULL: defaults
 * @param out_module  Caller owns; release with wsb_module_destroy().
 * @return WSB_ERROR_INVALID_MODULE (with the byte offset in the message),
 *         WSB_ERROR_UNSUPPORTED (a proposal or a component; named), WSB_ERROR_LIMIT_EXCEEDED,
 *         WSB_ERROR_INVALID_ARGUMENT, WSB_ERROR_FORKED. [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_module_compile(wsb_runtime *runtime, wsb_bytes bytes,
                                                    const wsb_module_options *options,
                                                    wsb_module **out_module, wsb_error **out_error);

/** As wsb_module_compile() from a file: binary, text, or what wsb_module_serialize() made.
 * WSB_ERROR_NOT_FOUND, WSB_ERROR_IO; WSB_ERROR_INVALID_ARGUMENT for a directory. [thread-safe] */
WSB_API WSB_NODISCARD wsb_status wsb_module_compile_file(wsb_runtime *runtime, wsb_str path,
                                                         const wsb_module_options *options,
                                                         wsb_module **out_module,
                                                         wsb_error **out_error);

/** Another reference to the same module. [thread-safe] */
WSB_API wsb_module *wsb_module_ref(wsb_module *module);

/** Drops one reference. Instances keep their module. NULL is allowed. [thread-safe] */
WSB_API void wsb_module_destroy(wsb_module *module);

/** What is in the module. Borrowed; valid while the module is. [thread-safe] */
WSB_API const wsb_module_info *wsb_module_get_info(const wsb_module *module);

/**
 * Scans a module without an engine: nothing of it is compiled, and it need not be one that an
 * engine of this installation can run (compare `required_features` with wsb_engine_info).
 *
 * @param bytes  binary, or UTF-8 text format. Borrowed for the call.
 * @param bounds  NULL: defaults
 * @param out_info  Caller owns; release with wsb_module_info_destroy(). What it points to lives
 *        as long.
 * @return as wsb_module_compile(); WSB_ERROR_INVALID_MODULE with the subject "compiled_module" for
 *         what wsb_module_serialize() made. [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_module_inspect(wsb_bytes bytes,
                                                    const wsb_module_bounds *bounds,
                                                    wsb_module_info **out_info,
                                                    wsb_error **out_error);

/** As wsb_module_inspect() from a file. WSB_ERROR_NOT_FOUND, WSB_ERROR_IO;
 * WSB_ERROR_INVALID_ARGUMENT for a directory. [thread-safe] */
WSB_API WSB_NODISCARD wsb_status wsb_module_inspect_file(wsb_str path,
                                                         const wsb_module_bounds *bounds,
                                                         wsb_module_info **out_info,
                                                         wsb_error **out_error);

/** Releases what wsb_module_inspect() made (never a module's own). NULL is allowed. */
WSB_API void wsb_module_info_destroy(wsb_module_info *info);

/**
 * The compiled module as bytes that wsb_module_deserialize() takes on a machine with the same
 * processor features, engine version and key.
 *
 * @param out_bytes  Caller owns; release with wsb_buf_fini().
 * @return WSB_ERROR_UNSUPPORTED where the engine cannot serialize or the runtime has no key.
 *         [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_module_serialize(wsb_module *module, wsb_buf *out_bytes,
                                                      wsb_error **out_error);

/**
 * Loads what wsb_module_serialize() made. The bytes are native code: they are authenticated with
 * the runtime's key before anything looks at them.
 *
 * @return WSB_ERROR_UNTRUSTED where they were altered or made with another key,
 *         WSB_ERROR_UNSUPPORTED where they are for another engine or version. [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_module_deserialize(wsb_runtime *runtime, wsb_bytes bytes,
                                                        wsb_module **out_module,
                                                        wsb_error **out_error);

WSB_END_DECLS

#endif
