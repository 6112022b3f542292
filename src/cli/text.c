#include "text.h"

#include "settings.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "exit_status.h"

static void out_of_memory(void)
{
    static const char text[] = CLI_NAME ": the host is out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(CLI_EXIT_REFUSED);
}

void *cli_allocate(size_t size)
{
    return cli_reallocate(NULL, size);
}

void *cli_reallocate(void *old, size_t size)
{
    void *memory = realloc(old, size ? size : 1);
    if (!memory) {
        out_of_memory();
    }
    return memory;
}

/* Length of the UTF-8 sequence at `data` (RFC 3629: no overlong forms, no surrogates), 0 for
 * none. The code point goes to `out_point`. */
static size_t utf8_length(const unsigned char *data, size_t len, uint32_t *out_point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = data[0];
    size_t count = first < 0x80             ? 1
                   : (first & 0xe0) == 0xc0 ? 2
                   : (first & 0xf0) == 0xe0 ? 3
                   : (first & 0xf8) == 0xf0 ? 4
                                            : 0;
    if (count == 0 || count > len) {
        return 0;
    }
    uint32_t point = count == 1 ? first : first & (0xffu >> (count + 1));
    for (size_t i = 1; i < count; i++) {
        if ((data[i] & 0xc0) != 0x80) {
            return 0;
        }
        point = point << 6 | (data[i] & 0x3fu);
    }
    if (point < least[count] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        return 0;
    }
    *out_point = point;
    return count;
}

/* Whether a terminal would act on it instead of showing it. */
static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x200e || point == 0x200f ||
           point == 0x061c || point == 0x2028 || point == 0x2029 ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

char *cli_escape(const char *data, size_t len, bool keep_newlines)
{
    const unsigned char *in = (const unsigned char *)data;
    if (len > SIZE_MAX / 4 - 1) {
        out_of_memory();
    }
    char *out = cli_allocate(len * 4 + 1);
    size_t used = 0;
    size_t i = 0;
    while (i < len) {
        uint32_t point = 0;
        size_t count = utf8_length(in + i, len - i, &point);
        bool shown = count > 0 && (!is_control(point) || (keep_newlines && point == '\n'));
        count = count > 0 ? count : 1;
        for (size_t end = i + count; i < end; i++) {
            if (shown) {
                out[used++] = (char)in[i];
            } else {
                used += (size_t)sprintf(out + used, "\\x%02x", in[i]);
            }
        }
    }
    out[used] = '\0';
    return out;
}

bool cli_is_utf8(const char *data, size_t len)
{
    uint32_t point = 0;
    for (size_t i = 0; i < len;) {
        size_t count = utf8_length((const unsigned char *)data + i, len - i, &point);
        if (count == 0) {
            return false;
        }
        i += count;
    }
    return true;
}

/* Where in a file the setting at hand stands; NULL: on the command line. */
static char *origin;

void cli_set_origin(const char *path, size_t line)
{
    free(origin);
    origin = NULL;
    if (path && asprintf(&origin, "%s:%zu: ", path, line) < 0) {
        out_of_memory();
    }
}

static void print_line(const char *prefix, const char *where, const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0) {
        out_of_memory();
    }
    char *safe_where = cli_escape(where, strlen(where), false);
    char *safe = cli_escape(text, strlen(text), false);
    fprintf(stderr, "%s%s%s\n", prefix, safe_where, safe);
    free(safe_where);
    free(safe);
    free(text);
}

void cli_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(CLI_NAME ": ", origin ? origin : "", format, args);
    va_end(args);
}

void cli_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(CLI_NAME ": note: ", "", format, args);
    va_end(args);
}

void cli_try(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("  try: ", "", format, args);
    va_end(args);
}

/* What the library calls a setting, and the flag that sets it. */
static const struct {
    const char *subject;
    const char *flag;
    const char *value;
    cli_unit unit;
} flags[] = {
    {"max_memory", "--memory", "SIZE", CLI_UNIT_BYTES},
    {"max_table_elements", "--max-table", "N", CLI_UNIT_COUNT},
    {"max_stack", "--stack", "SIZE", CLI_UNIT_BYTES},
    {"max_cpu_time", "--cpu-time", "TIME", CLI_UNIT_TIME},
    {"max_wall_time", "--timeout", "TIME", CLI_UNIT_TIME},
    {"fuel", "--fuel", "N", CLI_UNIT_COUNT},
    {"max_file_descriptors", "--max-files", "N", CLI_UNIT_COUNT},
    {"max_read_bytes", "--max-read", "SIZE", CLI_UNIT_BYTES},
    {"max_write_bytes", "--max-write", "SIZE", CLI_UNIT_BYTES},
    {"max_output", "--max-output", "SIZE", CLI_UNIT_BYTES},
};

static size_t flag_index(const char *subject, size_t len)
{
    size_t i = 0;
    while (i < sizeof flags / sizeof flags[0] &&
           (strlen(flags[i].subject) != len || memcmp(flags[i].subject, subject, len) != 0)) {
        i++;
    }
    return i;
}

#define FLAG_COUNT (sizeof flags / sizeof flags[0])

const char *cli_flag_of(const char *subject)
{
    size_t i = flag_index(subject, strlen(subject));
    return i < FLAG_COUNT ? flags[i].flag : NULL;
}

cli_unit cli_unit_of(const char *subject)
{
    size_t i = flag_index(subject, strlen(subject));
    return i < FLAG_COUNT ? flags[i].unit : CLI_UNIT_COUNT;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Replaces every word that names a limit by its flag, which is never longer. "fuel" is left: it
 * is a word of plain English too. */
static char *translate(const char *text)
{
    char *out = cli_allocate(strlen(text) + 1);
    size_t used = 0;
    while (*text) {
        size_t len = 0;
        while (is_word(text[len])) {
            len++;
        }
        size_t i = len ? flag_index(text, len) : FLAG_COUNT;
        const char *word = text;
        len = len ? len : 1;
        text += len;
        if (i < FLAG_COUNT && strcmp(flags[i].subject, "fuel") != 0) {
            word = flags[i].flag;
            len = strlen(word);
        }
        memcpy(out + used, word, len);
        used += len;
    }
    out[used] = '\0';
    return out;
}

char *cli_suggestion(const wsb_error *error)
{
    const char *subject = wsb_error_subject(error);
    if (cli_is_bound(subject)) {
        char *bound = NULL;
        if (asprintf(&bound,
                     "--bound %s=N with more than %llu, if you trust the module to compile "
                     "in reasonable time and memory",
                     subject, (unsigned long long)wsb_error_allowed(error)) < 0) {
            out_of_memory();
        }
        return bound;
    }
    size_t i = flag_index(subject, strlen(subject));
    /* An invalid value is no limit that was reached: more may be the wrong direction. */
    if (i == FLAG_COUNT || wsb_error_allowed(error) == 0 ||
        wsb_error_status(error) == WSB_ERROR_INVALID_ARGUMENT) {
        return translate(wsb_error_suggestion(error));
    }
    char now[64];
    char *text = NULL;
    cli_format(wsb_error_allowed(error), flags[i].unit, now, sizeof now);
    if (asprintf(&text, "%s %s, to allow more than %s", flags[i].flag, flags[i].value, now) < 0) {
        out_of_memory();
    }
    return text;
}

static void print_backtrace(const char *backtrace)
{
    char *safe = cli_escape(backtrace, strlen(backtrace), true);
    char *rest = safe;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (*line) {
            fprintf(stderr, "    at %s\n", line);
        }
    }
    free(safe);
}

void cli_print_error(const wsb_error *error, wsb_status status, const char *better)
{
    if (!error) {
        cli_fail("%s", wsb_status_text(status));
        return;
    }
    char *message = translate(wsb_error_message(error));
    cli_fail("%s", message);
    free(message);
    print_backtrace(wsb_error_backtrace(error));
    char *suggestion = cli_suggestion(error);
    if (better || *suggestion) {
        cli_try("%s", better ? better : suggestion);
    }
    free(suggestion);
}

static const char *format_scaled(uint64_t value, const char *const *names, const double *steps,
                                 size_t count, char *buffer, size_t capacity)
{
    size_t unit = 0;
    double scaled = (double)value;
    while (unit + 1 < count && scaled >= steps[unit]) {
        scaled /= steps[unit];
        unit++;
    }
    if (scaled == (double)(uint64_t)scaled) {
        snprintf(buffer, capacity, "%.0f %s", scaled, names[unit]);
    } else {
        snprintf(buffer, capacity, "%.*f %s", scaled < 10 ? 2 : 1, scaled, names[unit]);
    }
    return buffer;
}

const char *cli_format(uint64_t value, cli_unit unit, char *buffer, size_t capacity)
{
    static const char *const byte_names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    static const double byte_steps[] = {1024, 1024, 1024, 1024};
    static const char *const time_names[] = {"ns", "us", "ms", "s", "min", "h"};
    static const double time_steps[] = {1000, 1000, 1000, 60, 60};
    if (value == WSB_UNLIMITED) {
        snprintf(buffer, capacity, "no limit");
    } else if (value == WSB_NONE) {
        snprintf(buffer, capacity, "none");
    } else if (unit == CLI_UNIT_BYTES) {
        format_scaled(value, byte_names, byte_steps, 5, buffer, capacity);
    } else if (unit == CLI_UNIT_TIME) {
        format_scaled(value, time_names, time_steps, 6, buffer, capacity);
    } else {
        snprintf(buffer, capacity, "%llu", (unsigned long long)value);
    }
    return buffer;
}

size_t cli_edit_distance(const char *a, const char *b)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len > 63 || b_len > 63) {
        return SIZE_MAX;
    }
    size_t row[64];
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replace = diagonal + (a[i - 1] != b[j - 1]);
            size_t edit = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replace < edit ? replace : edit;
        }
    }
    return row[b_len];
}
