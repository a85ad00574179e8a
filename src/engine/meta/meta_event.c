#include "engine/meta/meta_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/own.h"
#include "base/wire.h"
#include "engine/clock.h"
#include "engine/meta/labels.h"
#include "engine/meta/meta.h"

/* ---- writing ---------------------------------------------------------------------------------*/

/* Takes up to limit of the oldest events away, as far as newest leaves them behind. */
static int trim(struct ms_meta *meta, int64_t newest, int64_t limit, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    char text[24];
    int64_t until = newest - MS_EVENTS_KEPT;
    int64_t last = 0;
    int code = ms_meta_prepare(meta,
                               "DELETE FROM events WHERE sequence IN (SELECT sequence FROM events"
                               " WHERE sequence <= ?1 ORDER BY sequence LIMIT ?2)"
                               " RETURNING sequence",
                               &statement, err);
    if (code < 0 || until <= 0)
        return code;
    sqlite3_bind_int64(statement, 1, until);
    sqlite3_bind_int64(statement, 2, limit);
    while ((code = ms_meta_step(meta, statement, "trim the events", err)) == 1) {
        int64_t gone = sqlite3_column_int64(statement, 0);
        last = gone > last ? gone : last;
    }
    if (code < 0 || last == 0)
        return code;
    (void)snprintf(text, sizeof text, "%" PRId64, last);
    return ms_meta_set(meta, "trimmed", text, err);
}

int ms_meta_trim_events(struct ms_meta *meta, struct ms_err *err) {
    int64_t newest = 0;
    int code = ms_meta_last_event(meta, &newest, err);
    return code < 0 ? code : trim(meta, newest, INT64_MAX, err);
}

int ms_meta_add_event(struct ms_meta *meta, const struct ms_new_event *event, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "INSERT INTO events (at, topic, namespace, snapshot, key, name,"
                               " parent, data, labels) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                               " coalesce((SELECT labels FROM snapshots WHERE id = ?4), x''))",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, ms_clock_now_ns());
    ms_meta_bind(statement, 2, event->topic);
    ms_meta_bind(statement, 3, event->ns);
    sqlite3_bind_int64(statement, 4, event->number);
    ms_meta_bind(statement, 5, event->key);
    ms_meta_bind(statement, 6, event->name);
    ms_meta_bind(statement, 7, event->parent);
    ms_meta_bind(statement, 8, event->data);
    code = ms_meta_step(meta, statement, "write an event", err);
    int64_t newest = sqlite3_last_insert_rowid(meta->db);
    if (code < 0 || newest % MS_EVENTS_STEP != 0)
        return code;
    return trim(meta, newest, 2 * MS_EVENTS_STEP, err);
}

int ms_meta_skip_events(struct ms_meta *meta, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(
        meta, "UPDATE sqlite_sequence SET seq = seq + ?1 WHERE name = 'events'", &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, MS_EVENTS_SKIP);
    return ms_meta_step(meta, statement, "skip numbers of events", err);
}

/* ---- reading ---------------------------------------------------------------------------------*/

int ms_meta_last_event(struct ms_meta *meta, int64_t *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'",
                               &statement, err);
    if (code < 0)
        return code;
    code = ms_meta_step(meta, statement, "read the last event", err);
    if (code < 0)
        return code;
    *out = sqlite3_column_int64(statement, 0);
    return MS_OK;
}

static bool find_label(struct ms_span labels, struct ms_span name, struct ms_span *value) {
    struct ms_wire_in in = {.at = (const uint8_t *)labels.bytes,
                            .end = (const uint8_t *)labels.bytes + labels.size};
    struct ms_label_span label;
    struct ms_err ignored;
    while (labels.size != 0 && ms_labels_next(&in, &label, &ignored) == 1) {
        if (label.name_size == name.size && memcmp(label.name, name.bytes, name.size) == 0) {
            *value = (struct ms_span){.bytes = label.value, .size = label.value_size};
            return true;
        }
    }
    return false;
}

static bool find_field(const void *object, const struct ms_fieldpath *path, struct ms_span *value) {
    const struct ms_event *event = object;
    const struct {
        const char *name;
        struct ms_span value;
    } fields[] = {{"topic", event->topic},
                  {"namespace", event->ns},
                  {"key", event->key},
                  {"name", event->name},
                  {"parent", event->parent}};
    if (path->count > 1 && ms_span_is(path->parts[0], "labels"))
        return find_label(event->labels, path->rest, value);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (path->count == 1 && ms_span_is(path->parts[0], fields[i].name)) {
            *value = fields[i].value;
            return value->size != 0;
        }
    }
    return false;
}

static bool wanted(const struct ms_event_query *query, const struct ms_event *event) {
    if (query->ns != NULL && !ms_span_is(event->ns, query->ns))
        return false;
    return query->filter == NULL || ms_filter_match_fields(query->filter, find_field, event);
}

static struct ms_span column(sqlite3_stmt *statement, int at) {
    struct ms_span span = {.bytes = sqlite3_column_blob(statement, at)};
    span.size = (size_t)sqlite3_column_bytes(statement, at);
    if (span.bytes == NULL)
        span.bytes = "";
    return span;
}

static struct ms_event event_of(sqlite3_stmt *statement) {
    return (struct ms_event){
        .sequence = sqlite3_column_int64(statement, 0),
        .at_ns = sqlite3_column_int64(statement, 1),
        .number = sqlite3_column_int64(statement, 2),
        .topic = column(statement, 3),
        .ns = column(statement, 4),
        .key = column(statement, 5),
        .name = column(statement, 6),
        .parent = column(statement, 7),
        .labels = column(statement, 8),
        .data = column(statement, 9),
    };
}

/* What is gone between since and the oldest event there may be; false when nothing is. */
static bool is_lost(sqlite3_stmt *statement, int64_t since, struct ms_event *out) {
    static const char topic[] = MS_TOPIC_LOST;
    const struct ms_span none = {.bytes = ""};
    int64_t trimmed = sqlite3_column_int64(statement, 10);
    if (since < 0 || since >= trimmed)
        return false;
    *out = (struct ms_event){
        .sequence = trimmed,
        .at_ns = sqlite3_column_int64(statement, 1),
        .topic = {.bytes = topic, .size = sizeof topic - 1},
        .ns = none,
        .key = none,
        .name = none,
        .parent = none,
        .labels = none,
        .data = none,
        .from = since + 1,
        .to = trimmed,
    };
    return true;
}

int ms_meta_events(struct ms_meta *meta, const struct ms_event_query *query, int64_t *since,
                   ms_event_visit *visit, void *context, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    struct ms_event lost;
    int count = 0;
    int code = ms_meta_prepare(
        meta,
        "SELECT sequence, at, snapshot, topic, namespace, key, name, parent, labels, data,"
        " (SELECT CAST(value AS INTEGER) FROM settings WHERE name = 'trimmed')"
        " FROM events WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
        &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, *since);
    sqlite3_bind_int64(statement, 2, query->limit);
    while ((code = ms_meta_step(meta, statement, "read events", err)) == 1) {
        if (count == 0 && is_lost(statement, *since, &lost)) {
            *since = lost.to;
            if (!visit(context, &lost))
                return 1;
        }
        const struct ms_event event = event_of(statement);
        count++;
        *since = event.sequence;
        if (wanted(query, &event) && !visit(context, &event))
            return count;
    }
    return code < 0 ? code : count;
}
