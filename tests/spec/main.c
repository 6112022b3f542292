/* spec_runner [OPTION…] FOLDER…: does all scripts (*.json) in the folders.
 *
 *   --engine ID|PATH.so  a built-in engine, or one to load
 *   --plain              take away what the library can fill in, so that it must (needs a path)
 *   --fuel               meter fuel
 *   --deviations FILE    what is known to differ
 *   --at-least N         fail where fewer commands than that were applicable
 *   --verbose            say also what is not applicable
 *
 * Ends with 0 where all that is applicable went as it should, 77 where a folder is missing. */
#include <dirent.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec.h"

enum { MAX_REASONS = 64, MAX_PATH = 1024, SKIPPED = 77 };

typedef struct tally {
    size_t passed;
    size_t failed;
    size_t deviating;
    size_t not_applicable;
    size_t reason_count;
    struct {
        char text[sizeof(((spec_verdict *)NULL)->text)];
        size_t count;
    } reasons[MAX_REASONS]; /* the last one takes all that do not fit */
} tally;

typedef struct job {
    spec_engine engine;
    const char *path;
    const char *deviations_path;
    spec_deviations *deviations;
    size_t at_least;
    bool plain;
    bool fuel;
    bool verbose;
    tally sum;
} job;

spec_verdict spec_passed(void)
{
    return (spec_verdict){.outcome = SPEC_PASSED};
}

static spec_verdict say(spec_outcome outcome, const char *format, va_list args)
{
    spec_verdict verdict = {.outcome = outcome};
    vsnprintf(verdict.text, sizeof verdict.text, format, args);
    return verdict;
}

spec_verdict spec_failed(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    spec_verdict verdict = say(SPEC_FAILED, format, args);
    va_end(args);
    return verdict;
}

spec_verdict spec_not_applicable(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    spec_verdict verdict = say(SPEC_NOT_APPLICABLE, format, args);
    va_end(args);
    return verdict;
}

spec_verdict spec_failed_with(const char *what, wsb_status status, wsb_error *error)
{
    spec_verdict verdict =
        spec_failed("%s: %s: %s", what, wsb_status_name(status), wsb_error_message(error));
    wsb_error_destroy(error);
    return verdict;
}

static void count_reason(tally *sum, const char *text)
{
    size_t i = 0;
    while (i < sum->reason_count && strcmp(sum->reasons[i].text, text) != 0) {
        i++;
    }
    if (i == MAX_REASONS) {
        i--;
    } else if (i == sum->reason_count) {
        snprintf(sum->reasons[sum->reason_count++].text, sizeof sum->reasons[i].text, "%s", text);
    }
    sum->reasons[i].count++;
    sum->not_applicable++;
}

static spec_verdict do_command(spec_script *script, const json_t *command)
{
    static const struct {
        const char *type;
        spec_verdict (*act)(spec_script *script, const json_t *command);
    } types[] = {{"module", spec_do_module},
                 {"module_definition", spec_do_definition},
                 {"module_instance", spec_do_module_instance},
                 {"register", spec_do_register},
                 {"action", spec_do_action},
                 {"assert_return", spec_do_action},
                 {"assert_trap", spec_do_action},
                 {"assert_exhaustion", spec_do_action},
                 {"assert_exception", spec_do_action},
                 {"assert_invalid", spec_do_refused},
                 {"assert_malformed", spec_do_refused},
                 {"assert_unlinkable", spec_do_unlinkable},
                 {"assert_uninstantiable", spec_do_uninstantiable}};
    const char *type = json_string_value(json_object_get(command, "type"));
    for (size_t i = 0; type != NULL && i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].type, type) == 0) {
            return types[i].act(script, command);
        }
    }
    if (type != NULL && (strcmp(type, "thread") == 0 || strcmp(type, "wait") == 0)) {
        return spec_not_applicable("needs the proposal threads");
    }
    return spec_failed("unknown command %s", type != NULL ? type : "?");
}

static void note(job *work, spec_script *script, const char *file, const json_t *command)
{
    long line = (long)json_integer_value(json_object_get(command, "line"));
    const char *type = json_string_value(json_object_get(command, "type"));
    spec_verdict verdict = do_command(script, command);
    bool passed = verdict.outcome == SPEC_PASSED;
    const char *reason = passed ? NULL : spec_deviations_find(work->deviations, file, line);
    if (verdict.outcome == SPEC_NOT_APPLICABLE) {
        count_reason(&work->sum, verdict.text);
    } else if (passed) {
        work->sum.passed++;
    } else {
        *(reason != NULL ? &work->sum.deviating : &work->sum.failed) += 1;
        if (!verdict.follows || work->verbose) {
            printf("%s %s:%ld: %s: %s\n", reason != NULL ? "deviates" : "FAILED", file, line, type,
                   reason != NULL ? reason : verdict.text);
        }
        if (reason != NULL && strncmp(type, "module", 6) == 0) {
            script->units->absent = spec_not_applicable("its module is a known deviation");
        }
    }
    if (work->verbose && verdict.outcome == SPEC_NOT_APPLICABLE) {
        printf("n/a %s:%ld: %s: %s\n", file, line, type, verdict.text);
    }
}

/* `folder`/`name`.json, whose modules are in `folder`/`name`. */
static void run_script(job *work, const char *folder, const char *name)
{
    char path[MAX_PATH], modules[MAX_PATH], file[MAX_PATH];
    const char *group = strrchr(folder, '/');
    json_error_t problem;
    size_t i;
    const json_t *command;
    snprintf(path, sizeof path, "%s/%s.json", folder, name);
    snprintf(modules, sizeof modules, "%s/%s", folder, name);
    snprintf(file, sizeof file, "%s/%s", group != NULL ? group + 1 : folder, name);
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, &problem);
    if (root == NULL) {
        printf("FAILED %s: %s\n", path, problem.text);
        work->sum.failed++;
        return;
    }
    spec_script script = {.engine = &work->engine, .folder = modules};
    json_array_foreach(json_object_get(root, "commands"), i, command)
    {
        note(work, &script, file, command);
    }
    work->sum.failed += spec_deviations_unmet(work->deviations, file);
    spec_script_close(&script);
    json_decref(root);
}

static int is_script(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

/* A folder, or one script in it. */
static int run_folder(job *work, char *folder)
{
    struct dirent **entries;
    size_t len = strlen(folder);
    if (len > 5 && strcmp(folder + len - 5, ".json") == 0) {
        char *slash = strrchr(folder, '/');
        folder[len - 5] = '\0';
        *slash = '\0';
        run_script(work, folder, slash + 1);
        return EXIT_SUCCESS;
    }
    int count = scandir(folder, &entries, is_script, alphasort);
    if (count < 0) {
        fprintf(stderr,
                "spec_runner: SKIPPED: there is no %s: the specification tests could not be "
                "fetched (scripts/fetch-spec-tests.py says why)\n",
                folder);
        return SKIPPED;
    }
    for (int i = 0; i < count; i++) {
        entries[i]->d_name[strlen(entries[i]->d_name) - 5] = '\0';
        run_script(work, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return EXIT_SUCCESS;
}

static int summarize(const job *work)
{
    const tally *sum = &work->sum;
    size_t applicable = sum->passed + sum->failed + sum->deviating;
    printf("%s%s: %zu passed, %zu failed, %zu known deviations, %zu not applicable\n",
           work->engine.info.id, work->fuel ? " with fuel" : "", sum->passed, sum->failed,
           sum->deviating, sum->not_applicable);
    for (size_t i = 0; i < sum->reason_count; i++) {
        printf("  not applicable %6zu: %s\n", sum->reasons[i].count, sum->reasons[i].text);
    }
    if (applicable < work->at_least) {
        printf("FAILED: only %zu commands were applicable, not at least %zu\n", applicable,
               work->at_least);
        return EXIT_FAILURE;
    }
    return sum->failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool parse(job *work, int argc, char **argv)
{
    static const struct option options[] = {{"engine", required_argument, NULL, 'e'},
                                            {"plain", no_argument, NULL, 'p'},
                                            {"fuel", no_argument, NULL, 'f'},
                                            {"deviations", required_argument, NULL, 'd'},
                                            {"at-least", required_argument, NULL, 'n'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'e':
            work->path = optarg;
            break;
        case 'p':
            work->plain = true;
            break;
        case 'f':
            work->fuel = true;
            break;
        case 'd':
            work->deviations_path = optarg;
            break;
        case 'n':
            work->at_least = strtoul(optarg, NULL, 10);
            break;
        case 'v':
            work->verbose = true;
            break;
        default:
            return false;
        }
    }
    return work->path != NULL && optind < argc;
}

int main(int argc, char **argv)
{
    static job work;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!parse(&work, argc, argv)) {
        fprintf(stderr, "usage: spec_runner --engine ID|PATH.so [OPTION…] FOLDER…\n");
        return EXIT_FAILURE;
    }
    if (!spec_engine_open(&work.engine, work.path, work.plain, work.fuel)) {
        return EXIT_FAILURE;
    }
    int result = EXIT_SUCCESS;
    if (work.deviations_path != NULL &&
        !spec_deviations_load(&work.deviations, work.deviations_path, work.engine.info.id)) {
        result = EXIT_FAILURE;
    }
    for (int i = optind; i < argc && result == EXIT_SUCCESS; i++) {
        result = run_folder(&work, argv[i]);
    }
    if (result == EXIT_SUCCESS) {
        result = summarize(&work);
    }
    spec_deviations_free(work.deviations);
    spec_engine_close(&work.engine);
    return result;
}
