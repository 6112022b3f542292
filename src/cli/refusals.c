#include "refusals.h"

#include <stdlib.h>

#include "text.h"

static void copy_text(char *to, size_t capacity, const char *from, size_t len)
{
    len = len < capacity - 1 ? len : capacity - 1;
    if (len > 0) {
        memcpy(to, from, len); /* an empty view may have no data */
    }
    to[len] = '\0';
}

static bool same(const cli_refusal *a, const cli_refusal *b)
{
    return a->kind == b->kind && strcmp(a->operation, b->operation) == 0 &&
           strcmp(a->subject, b->subject) == 0 && strcmp(a->detail, b->detail) == 0;
}

void cli_refusals_add(const wsb_event *event, void *user_data)
{
    cli_refusals *refusals = user_data;
    cli_refusal next = {.kind = event->kind, .used = event->used, .allowed = event->allowed};
    next.count = 1;
    copy_text(next.operation, sizeof next.operation, event->operation, strlen(event->operation));
    copy_text(next.subject, sizeof next.subject, event->subject, strlen(event->subject));
    copy_text(next.detail, sizeof next.detail, event->detail.data, event->detail.len);
    for (size_t i = 0; i < refusals->kept_count; i++) {
        if (same(&refusals->kept[i], &next)) {
            refusals->kept[i].count++;
            return;
        }
    }
    if (refusals->kept_count < CLI_REFUSALS_KEPT) {
        refusals->kept[refusals->kept_count++] = next;
    } else {
        refusals->dropped++;
    }
}

/* The parts of "operation 'detail'" and how often, which all notes begin with. */
static void print_refusal(const cli_refusal *refusal)
{
    char times[32] = "";
    char allowed[64] = "";
    char text[CLI_REFUSAL_TEXT + 8] = "";
    const char *flag = cli_flag_of(refusal->subject);
    if (refusal->count > 1) {
        snprintf(times, sizeof times, ", %llu times", (unsigned long long)refusal->count);
    }
    if (refusal->detail[0]) {
        snprintf(text, sizeof text, " '%s'", refusal->detail);
    }
    if (refusal->kind == WSB_EVENT_ACCESS_DENIED) {
        cli_note("the guest's %s%s was refused%s (%s)", refusal->operation, text, times,
                 refusal->subject);
        return;
    }
    cli_format(refusal->allowed, cli_unit_of(refusal->subject), allowed, sizeof allowed);
    cli_note("the guest's %s%s was refused%s: %s allows %s", refusal->operation, text, times,
             flag ? flag : refusal->subject, allowed);
}

static void suggest(const cli_refusal *refusal, const cli_refusals_view *view)
{
    const char *flag = cli_flag_of(refusal->subject);
    if (refusal->kind != WSB_EVENT_ACCESS_DENIED) {
        if (flag) {
            cli_try("%s with more", flag);
        }
    } else if (strcmp(refusal->subject, "filesystem") != 0) {
        return;
    } else if (!view->has_directories) {
        cli_try("--dir HOST::GUEST to let it read a directory, --dir-rw to let it change one");
    } else if (!view->has_writable) {
        cli_try("--dir-rw instead of --dir, where it may write, create and delete");
    } else {
        cli_try("--dir or --dir-rw for the directory; it reaches nothing outside of those");
    }
}

static bool is_told(const cli_refusal *refusal, const cli_refusals_view *view)
{
    if (strcmp(refusal->subject, "max_output") == 0) {
        return true;
    }
    return view->all && strcmp(refusal->subject, view->told) != 0;
}

void cli_refusals_print(const cli_refusals *refusals, const cli_refusals_view *view)
{
    for (size_t i = 0; i < refusals->kept_count; i++) {
        const cli_refusal *refusal = &refusals->kept[i];
        bool more = i + 1 < refusals->kept_count &&
                    strcmp(refusals->kept[i + 1].subject, refusal->subject) == 0;
        if (!is_told(refusal, view)) {
            continue;
        }
        print_refusal(refusal);
        /* Once for a run of notes about the same thing. */
        if (!more) {
            suggest(refusal, view);
        }
    }
    if (view->all && refusals->dropped) {
        cli_note("%llu more of the guest's operations were refused",
                 (unsigned long long)refusals->dropped);
    }
}

static void set_text(json_t *object, const char *key, const char *text)
{
    char *safe = cli_escape(text, strlen(text), false);
    json_object_set_new(object, key, json_string(safe));
    free(safe);
}

json_t *cli_refusals_json(const cli_refusals *refusals)
{
    json_t *list = json_array();
    for (size_t i = 0; i < refusals->kept_count; i++) {
        const cli_refusal *refusal = &refusals->kept[i];
        json_t *item = json_object();
        set_text(item, "operation", refusal->operation);
        set_text(item, "subject", refusal->subject);
        set_text(item, "detail", refusal->detail);
        json_object_set_new(item, "count", json_integer((json_int_t)refusal->count));
        if (refusal->kind != WSB_EVENT_ACCESS_DENIED) {
            json_object_set_new(item, "allowed", json_integer((json_int_t)refusal->allowed));
        }
        json_array_append_new(list, item);
    }
    return list;
}
