#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "base/own.h"
#include "base/text.h"
#include "engine/clock.h"
#include "engine/meta/meta_lease.h"
#include "engine/meta/meta_pin.h"
#include "engine/store/store_inside.h"
#include "engine/store/store_lease.h"
#include "engine/store/survey.h"

/* A row as it is kept: texts are places in survey->texts. */
struct kept {
    struct ms_fact fact; /* its spans hold sizes, and are given their bytes when it is handed out */
    size_t name_at;
    size_t labels_at;
};

/* What is known of a snapshot besides its row; in order of number. */
struct note {
    int64_t number;
    char *text; /* a target or a lease; owned */
    bool flat;
    enum ms_alive owner;
};

struct notes {
    struct note *items;
    size_t count;
    size_t room;
    size_t next; /* where handing out has come to */
};

struct ms_survey {
    struct kept *rows;
    size_t count;
    size_t room;
    size_t next;
    struct ms_text texts;
    struct ms_pins pins;
    size_t next_pin;
    struct notes leased;
    struct notes mounted;
    struct notes owned;
    int64_t now_ns;
};

static void clear_notes(struct notes *notes) {
    for (size_t i = 0; i < notes->count; i++)
        free(notes->items[i].text);
    free(notes->items);
}

void ms_survey_free(struct ms_survey *survey) {
    if (survey == NULL)
        return;
    free(survey->rows);
    ms_text_clear(&survey->texts);
    ms_pins_clear(&survey->pins);
    clear_notes(&survey->leased);
    clear_notes(&survey->mounted);
    clear_notes(&survey->owned);
    free(survey);
}

static void own_survey(struct ms_survey **survey) { ms_survey_free(*survey); }
#define auto_survey __attribute__((cleanup(own_survey)))

static int add_note(struct notes *notes, const struct note *note, const char *text,
                    struct ms_err *err) {
    struct note *items = ms_grow(notes->items, notes->count, &notes->room, sizeof *items);
    if (items == NULL)
        return ms_err_memory(err);
    notes->items = items;
    struct note *added = &notes->items[notes->count];
    *added = *note;
    added->text = text != NULL ? strdup(text) : NULL;
    if (text != NULL && added->text == NULL)
        return ms_err_memory(err);
    notes->count++;
    return MS_OK;
}

static int by_number(const void *left, const void *right) {
    int64_t a = ((const struct note *)left)->number;
    int64_t b = ((const struct note *)right)->number;
    return (a > b) - (a < b);
}

/* ---- reading ---------------------------------------------------------------------------------*/

static struct kept *next_room(struct ms_survey *survey) {
    struct kept *rows = ms_grow(survey->rows, survey->count, &survey->room, sizeof *rows);
    if (rows == NULL)
        return NULL;
    survey->rows = rows;
    return &survey->rows[survey->count];
}

/* Numbers in an encoded chain: each ends with a byte below 0x80. */
static size_t chain_length(const unsigned char *bytes, size_t size) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += bytes[i] < 0x80;
    return count;
}

static size_t keep_text(struct ms_text *texts, sqlite3_stmt *statement, int column,
                        struct ms_span *span) {
    size_t at = texts->size;
    const void *bytes = sqlite3_column_blob(statement, column);
    span->size = (size_t)sqlite3_column_bytes(statement, column);
    ms_text_append(texts, bytes != NULL ? bytes : "", span->size);
    return at;
}

static int keep_row(struct ms_survey *survey, sqlite3_stmt *statement, struct ms_err *err) {
    struct kept *row = next_room(survey);
    if (row == NULL)
        return ms_err_memory(err);
    *row = (struct kept){
        .fact = {.number = sqlite3_column_int64(statement, 0),
                 .parent = sqlite3_column_int64(statement, 1),
                 .kind = sqlite3_column_int(statement, 2),
                 .damaged = sqlite3_column_int(statement, 3) != 0,
                 .created_ns = sqlite3_column_int64(statement, 4),
                 .updated_ns = sqlite3_column_int64(statement, 5),
                 .used_ns = sqlite3_column_int64(statement, 6),
                 .use_count = sqlite3_column_int64(statement, 7),
                 .size_bytes = sqlite3_column_int64(statement, 8),
                 .inodes = sqlite3_column_int64(statement, 9)},
    };
    const unsigned char *chain = sqlite3_column_blob(statement, 12);
    row->fact.depth = 1 + chain_length(chain, (size_t)sqlite3_column_bytes(statement, 12));
    row->name_at = keep_text(&survey->texts, statement, 10, &row->fact.name);
    row->labels_at = keep_text(&survey->texts, statement, 11, &row->fact.labels);
    survey->count++;
    return MS_OK;
}

static int read_rows(struct ms_survey *survey, struct ms_meta *meta, const char *ns,
                     struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "SELECT id, parent, kind, damaged, created, updated, used,"
                               " use_count, size, inodes, key, labels, chain FROM snapshots"
                               " WHERE +namespace = ?1 ORDER BY id",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, ns, -1, SQLITE_STATIC);
    while ((code = ms_meta_step(meta, statement, "survey the snapshots", err)) == 1) {
        code = keep_row(survey, statement, err);
        if (code < 0)
            return code;
    }
    return code < 0 ? code : ms_text_check(&survey->texts, err);
}

/* The leases that live, by id, as they come from ms_meta_leases. */
struct holding {
    struct ms_store *store;
    struct notes *notes;
    const struct ms_records *leases; /* sorted by id */
    const bool *lives;
};

static int by_id(const void *left, const void *right) {
    return strcmp(((const struct ms_record *)left)->id, ((const struct ms_record *)right)->id);
}

static int visit_holding(void *context, int64_t number, const char *lease, struct ms_err *err) {
    struct holding *holding = context;
    struct ms_record wanted = {.id = (char *)lease}; /* only read */
    const struct ms_record *found =
        bsearch(&wanted, holding->leases->items, holding->leases->count, sizeof wanted, by_id);
    if (found == NULL || !holding->lives[found - holding->leases->items])
        return MS_OK;
    bool flat = ms_labels_find(&found->labels, MS_LABEL_FLAT) != NULL;
    struct notes *notes = holding->notes;
    struct note *last = notes->count != 0 ? &notes->items[notes->count - 1] : NULL;
    if (last != NULL && last->number == number) {
        last->flat = last->flat && flat;
        return MS_OK;
    }
    struct note note = {.number = number, .flat = flat};
    return add_note(notes, &note, lease, err);
}

static int read_leases(struct ms_survey *survey, struct ms_store *store, const char *ns,
                       struct ms_err *err) {
    ms_auto_records struct ms_records leases = {0};
    int code = ms_meta_leases(&store->meta, ns, NULL, &leases, err);
    if (code < 0 || leases.count == 0)
        return code;
    ms_auto_free bool *lives = calloc(leases.count, sizeof *lives);
    if (lives == NULL)
        return ms_err_memory(err);
    for (size_t i = 0; i < leases.count; i++)
        lives[i] = ms_store_lease_ended(store, &leases.items[i]) == MS_LEASE_LIVES;
    struct holding holding = {
        .store = store, .notes = &survey->leased, .leases = &leases, .lives = lives};
    return ms_meta_holdings(&store->meta, ns, store->driver->resource, visit_holding, &holding,
                            err);
}

static int read_mounts(struct ms_survey *survey, struct ms_store *store, struct ms_err *err) {
    ms_auto_mount_row struct ms_mount_row row = {0};
    int64_t after = 0;
    int code;
    while ((code = ms_meta_next_mount(&store->meta, 0, after, &row, err)) == 1) {
        struct note note = {.number = row.number};
        bool alive = false;
        after = row.rowid;
        code = ms_store_mount_alive(store, &row, &alive, err);
        if (code == MS_OK && alive)
            code = add_note(&survey->mounted, &note, row.target, err);
        if (code < 0)
            return code;
        ms_mount_row_clear(&row);
    }
    if (survey->mounted.count > 1)
        qsort(survey->mounted.items, survey->mounted.count, sizeof(struct note), by_number);
    return code;
}

static int read_owners(struct ms_survey *survey, struct ms_store *store, struct ms_err *err) {
    ms_auto_owner_row struct ms_owner_row row = {0};
    int64_t after = 0;
    int code;
    while ((code = ms_meta_next_owner(&store->meta, after, &row, err)) == 1) {
        struct ms_ident ident = {
            .pid = row.pid, .started = row.started, .pid_namespace = row.pid_namespace};
        struct note note = {.number = row.number,
                            .owner = ms_ident_alive(&ident, row.boot_id, store->boot_id)};
        after = row.number;
        code = add_note(&survey->owned, &note, NULL, err);
        if (code < 0)
            return code;
        ms_owner_row_clear(&row);
    }
    return code;
}

static int read_all(struct ms_survey *survey, struct ms_store *store, const char *ns,
                    struct ms_err *err) {
    int code = read_rows(survey, &store->meta, ns, err);
    if (code == MS_OK)
        code = ms_meta_pins(&store->meta, ns, &survey->pins, err);
    if (code == MS_OK)
        code = read_leases(survey, store, ns, err);
    if (code == MS_OK)
        code = read_owners(survey, store, err);
    return code < 0 ? code : read_mounts(survey, store, err);
}

int ms_store_survey(struct ms_store *store, const char *ns, struct ms_survey **out,
                    struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    if (code < 0)
        return code;
    auto_survey struct ms_survey *survey = calloc(1, sizeof *survey);
    if (survey == NULL)
        return ms_err_memory(err);
    survey->now_ns = ms_clock_now_ns();
    code = ms_meta_run(&store->meta, "SAVEPOINT survey", "survey the snapshots", err);
    if (code < 0)
        return code;
    code = read_all(survey, store, ns, err);
    struct ms_err ignored; /* it has read only */
    (void)ms_meta_run(&store->meta, "RELEASE survey", "survey the snapshots", &ignored);
    if (code < 0)
        return code;
    *out = ms_take_ptr(&survey);
    return MS_OK;
}

/* ---- handing out -----------------------------------------------------------------------------*/

size_t ms_survey_count(const struct ms_survey *survey) { return survey->count; }

static struct ms_span span_at(const struct ms_survey *survey, size_t at, size_t size) {
    return (struct ms_span){.bytes = survey->texts.bytes != NULL ? survey->texts.bytes + at : "",
                            .size = size};
}

struct ms_span ms_survey_name(const struct ms_survey *survey, int64_t number) {
    size_t low = 0;
    size_t high = survey->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct kept *row = &survey->rows[middle];
        if (row->fact.number == number)
            return span_at(survey, row->name_at, row->fact.name.size);
        if (row->fact.number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct ms_span){.bytes = "", .size = 0};
}

/* The note of number, whose order is that of the facts; NULL when there is none. */
static const struct note *note_of(struct notes *notes, int64_t number) {
    while (notes->next < notes->count && notes->items[notes->next].number < number)
        notes->next++;
    bool found = notes->next < notes->count && notes->items[notes->next].number == number;
    return found ? &notes->items[notes->next] : NULL;
}

static const struct ms_pin *pin_of(struct ms_survey *survey, int64_t number) {
    while (survey->next_pin < survey->pins.count &&
           survey->pins.items[survey->next_pin].number < number)
        survey->next_pin++;
    if (survey->next_pin == survey->pins.count)
        return NULL;
    const struct ms_pin *pin = &survey->pins.items[survey->next_pin];
    return pin->number == number && ms_pin_holds(pin, survey->now_ns) ? pin : NULL;
}

bool ms_survey_next(struct ms_survey *survey, struct ms_fact *out) {
    if (survey->next == survey->count)
        return false;
    const struct kept *row = &survey->rows[survey->next++];
    *out = row->fact;
    out->name = span_at(survey, row->name_at, row->fact.name.size);
    out->labels = span_at(survey, row->labels_at, row->fact.labels.size);
    out->pin = pin_of(survey, out->number);
    const struct note *leased = note_of(&survey->leased, out->number);
    const struct note *mounted = note_of(&survey->mounted, out->number);
    const struct note *owned = note_of(&survey->owned, out->number);
    out->lease = leased != NULL ? leased->text : NULL;
    out->flat = leased != NULL && leased->flat;
    out->mounted = mounted != NULL ? mounted->text : NULL;
    out->owned = owned != NULL;
    out->owner = owned != NULL ? owned->owner : MS_ALIVE_NO;
    return true;
}
