/* The runner of the public specification tests: reads what `wasm-tools json-from-wast` makes of a
 * .wast file and does it through the library's public interface. */
#ifndef WSB_TESTS_SPEC_H
#define WSB_TESTS_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wasm_sandbox/instance.h>
#include <wasm_sandbox/plugin/engine.h>
#include <wasm_sandbox/runtime.h>

/* How one command of a script ended. */
typedef enum spec_outcome {
    SPEC_PASSED = 0,
    SPEC_FAILED = 1,
    /* It tests what the library refuses by design; `text` is the reason, the same for all alike. */
    SPEC_NOT_APPLICABLE = 2
} spec_outcome;

typedef struct spec_verdict {
    spec_outcome outcome;
    bool follows;   /* from another failure that was told */
    char text[320]; /* why, unless it passed */
} spec_verdict;

spec_verdict spec_passed(void);
spec_verdict spec_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
spec_verdict spec_not_applicable(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Releases `error`. */
spec_verdict spec_failed_with(const char *what, wsb_status status, wsb_error *error);

/* The engine under test. */
typedef struct spec_engine {
    wsb_runtime_factory *factory;
    wsb_runtime *runtime;
    wsb_engine_info info;
    bool fuel; /* meter it */
} spec_engine;

/* Takes the engine with that id, or loads the one at that path; with `plain` as "plain-<id>",
 * without the features that the library can fill in, so that it must. Prints what goes wrong. */
bool spec_engine_open(spec_engine *engine, const char *path, bool plain, bool fuel);
void spec_engine_close(spec_engine *engine);

/* A module of a script and its instance, or why there is none. */
typedef struct spec_unit {
    struct spec_unit *next;
    char *name;
    bool is_definition; /* not instantiated until the script says so */
    wsb_module *module;
    wsb_instance *instance;
    spec_verdict absent; /* where `instance` is NULL */
} spec_unit;

typedef struct spec_registration {
    struct spec_registration *next;
    char *as;
    spec_unit *unit;
} spec_registration;

/* One script while it runs. */
typedef struct spec_script {
    spec_engine *engine;
    const char *folder; /* of the modules that it names */
    spec_unit *units;   /* newest first */
    spec_registration *registrations;
    char bridged_trap[40]; /* of a function that another instance provided; "": none */
} spec_script;

void spec_script_close(spec_script *script);

/* What a script calls by that name; NULL: the latest. */
spec_unit *spec_unit_find(const spec_script *script, const char *name);

/* Commands about modules. */
spec_verdict spec_do_module(spec_script *script, const json_t *command);
spec_verdict spec_do_definition(spec_script *script, const json_t *command);
spec_verdict spec_do_module_instance(spec_script *script, const json_t *command);
spec_verdict spec_do_register(spec_script *script, const json_t *command);
/* The module must be refused by the scan (invalid, malformed), by its imports (unlinkable), or
 * trap while it is instantiated. */
spec_verdict spec_do_refused(spec_script *script, const json_t *command);
spec_verdict spec_do_unlinkable(spec_script *script, const json_t *command);
spec_verdict spec_do_uninstantiable(spec_script *script, const json_t *command);

/* Commands about exports: action, assert_return, assert_trap, assert_exhaustion,
 * assert_exception. */
spec_verdict spec_do_action(spec_script *script, const json_t *command);

/* Whether `error` is the trap that the test expects, in the words of the specification. Releases
 * `error`. */
spec_verdict spec_check_trap(spec_script *script, const char *expected, wsb_status status,
                             wsb_error *error);

/* Lets an instance be called again that a trap has closed, as the tests expect of a trap. */
void spec_reopen(wsb_instance *instance);

/* The functions that a module may import: those of "spectest" and those of registered instances.
 * NULL where an import is none of these; `out_verdict` then says so, if it is about one that the
 * design refuses. Caller owns; release with wsb_imports_destroy(). */
wsb_imports *spec_imports(spec_script *script, const wsb_module_info *info,
                          spec_verdict *out_verdict);

/* Values. An argument is filled from JSON; false where the interface cannot take it. */
bool spec_value_read(const json_t *from, wsb_value *out_value);
bool spec_value_matches(const json_t *expected, const wsb_value *value);
/* Replaces vectors by their halves, and back: see spec_lanes.py. Returns the new count. */
size_t spec_values_halve(wsb_value *values, size_t count, size_t room);
size_t spec_values_join(wsb_value *values, size_t count, const json_t *expected);

/* The lane's width in bytes of a JSON vector, 0 where it is none. */
size_t spec_lane_size(const json_t *vector);

/* Known deviations: lines "ENGINE FILE:LINE reason", ENGINE may be "*". */
typedef struct spec_deviations spec_deviations;
bool spec_deviations_load(spec_deviations **out_list, const char *path, const char *engine);
/* The reason, or NULL where none is expected; noted as met. */
const char *spec_deviations_find(spec_deviations *list, const char *file, long line);
/* Prints those of `file` that were not met; how many. */
size_t spec_deviations_unmet(const spec_deviations *list, const char *file);
void spec_deviations_free(spec_deviations *list);

#endif
