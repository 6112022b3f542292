/* Counts the words of text files and prints the most frequent ones with a bar each.
 *
 *     words [-n COUNT] [-m LETTERS] FILE...
 *
 * An ordinary C program: nothing in it knows of the sandbox. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64
#define BAR_MAX 40

typedef struct entry {
    char *word;
    size_t count;
    struct entry *next; /* with the same hash */
} entry;

typedef struct table {
    entry **slots;
    size_t slot_count;
    size_t entry_count;
    size_t word_count;
} table;

static void fail(const char *what)
{
    fprintf(stderr, "words: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) {
        fail("no memory");
    }
    return memory;
}

/* FNV-1a. */
static size_t hash(const char *word)
{
    unsigned long long value = 14695981039346656037ull;
    for (; *word; word++) {
        value = (value ^ (unsigned char)*word) * 1099511628211ull;
    }
    return (size_t)(value ^ value >> 32);
}

static void grow(table *t)
{
    size_t slot_count = t->slot_count ? t->slot_count * 2 : 64;
    entry **slots = allocate(slot_count, sizeof *slots);
    for (size_t i = 0; i < t->slot_count; i++) {
        entry *next;
        for (entry *e = t->slots[i]; e; e = next) {
            size_t slot = hash(e->word) % slot_count;
            next = e->next;
            e->next = slots[slot];
            slots[slot] = e;
        }
    }
    free(t->slots);
    t->slots = slots;
    t->slot_count = slot_count;
}

static void add(table *t, const char *word)
{
    if (t->entry_count >= t->slot_count) {
        grow(t);
    }
    t->word_count++;
    entry **slot = &t->slots[hash(word) % t->slot_count];
    for (entry *e = *slot; e; e = e->next) {
        if (strcmp(e->word, word) == 0) {
            e->count++;
            return;
        }
    }
    entry *e = allocate(1, sizeof *e);
    e->word = strdup(word);
    if (!e->word) {
        fail("no memory");
    }
    e->count = 1;
    e->next = *slot;
    *slot = e;
    t->entry_count++;
}

/* Letters, apostrophes inside a word, and all bytes of UTF-8 beyond ASCII belong to words. */
static int is_word_char(int c, size_t len)
{
    return isalpha(c) || c >= 0x80 || (c == '\'' && len > 0);
}

static void count_stream(table *t, FILE *file, size_t shortest)
{
    char word[WORD_MAX];
    size_t len = 0;
    int c;
    do {
        c = getc(file);
        if (c != EOF && is_word_char(c, len)) {
            if (len < WORD_MAX - 1) {
                word[len++] = (char)tolower(c);
            }
            continue;
        }
        while (len > 0 && word[len - 1] == '\'') {
            len--;
        }
        word[len] = '\0';
        if (len >= shortest && len > 0) {
            add(t, word);
        }
        len = 0;
    } while (c != EOF);
}

static void count_file(table *t, const char *path, size_t shortest)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        fail(path);
    }
    count_stream(t, file, shortest);
    if (ferror(file)) {
        fail(path);
    }
    fclose(file);
}

/* Most frequent first; equally frequent ones by the alphabet. */
static int compare(const void *left, const void *right)
{
    const entry *a = *(entry *const *)left;
    const entry *b = *(entry *const *)right;
    if (a->count != b->count) {
        return a->count < b->count ? 1 : -1;
    }
    return strcmp(a->word, b->word);
}

static entry **sorted(const table *t)
{
    entry **entries = allocate(t->entry_count + 1, sizeof *entries);
    size_t used = 0;
    for (size_t i = 0; i < t->slot_count; i++) {
        for (entry *e = t->slots[i]; e; e = e->next) {
            entries[used++] = e;
        }
    }
    qsort(entries, used, sizeof *entries, compare);
    return entries;
}

static void print_top(const table *t, size_t count)
{
    entry **entries = sorted(t);
    printf("%zu words, %zu different\n", t->word_count, t->entry_count);
    for (size_t i = 0; i < t->entry_count && i < count; i++) {
        size_t bar = entries[i]->count * BAR_MAX / entries[0]->count;
        printf("%6zu  %-14s ", entries[i]->count, entries[i]->word);
        while (bar-- > 0) {
            putchar('#');
        }
        putchar('\n');
    }
    free(entries);
}

static size_t number(const char *text)
{
    char *end;
    unsigned long value = text ? strtoul(text, &end, 10) : 0;
    if (!text || end == text || *end) {
        fprintf(stderr, "usage: words [-n COUNT] [-m LETTERS] FILE...\n");
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    table t = {NULL, 0, 0, 0};
    size_t count = 10;
    size_t shortest = 1;
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (strcmp(argv[i], "-n") == 0) {
            count = number(argv[++i]);
        } else if (strcmp(argv[i], "-m") == 0) {
            shortest = number(argv[++i]);
        } else {
            number(NULL);
        }
    }
    if (i >= argc) {
        count_stream(&t, stdin, shortest);
    }
    for (; i < argc; i++) {
        count_file(&t, argv[i], shortest);
    }
    print_top(&t, count);
    return 0;
}
