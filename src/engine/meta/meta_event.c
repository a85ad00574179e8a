#include <stdlib.h>

#include "base/err.h"
#include "engine/clock.h"
#include "engine/meta/meta.h"
#include "engine/store/store.h"

void ms_event_clear(struct ms_event *event) {
    free(event->topic);
    free(event->ns);
    free(event->key);
    free(event->name);
    free(event->parent);
    *event = (struct ms_event){0};
}

static void bind_text(sqlite3_stmt *statement, int column, const char *text) {
    sqlite3_bind_text(statement, column, text != NULL ? text : "", -1, SQLITE_STATIC);
}

int ms_meta_add_event(struct ms_meta *meta, const struct ms_new_event *event, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "INSERT INTO events (at, topic, namespace, snapshot, key, name,"
                               " parent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, ms_clock_now_ns());
    bind_text(statement, 2, event->topic);
    bind_text(statement, 3, event->ns);
    sqlite3_bind_int64(statement, 4, event->number);
    bind_text(statement, 5, event->key);
    bind_text(statement, 6, event->name);
    bind_text(statement, 7, event->parent);
    return ms_meta_step(meta, statement, "write an event", err);
}

int ms_meta_next_event(struct ms_meta *meta, int64_t since, struct ms_event *out,
                       struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "SELECT sequence, at, topic, namespace, key, name, parent, snapshot"
                               " FROM events WHERE sequence > ?1 ORDER BY sequence LIMIT 1",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, since);
    code = ms_meta_step(meta, statement, "read an event", err);
    if (code <= 0)
        return code;
    struct ms_event event = {
        .sequence = sqlite3_column_int64(statement, 0),
        .at_ns = sqlite3_column_int64(statement, 1),
        .topic = ms_meta_column(statement, 2),
        .ns = ms_meta_column(statement, 3),
        .key = ms_meta_column(statement, 4),
        .name = ms_meta_column(statement, 5),
        .parent = ms_meta_column(statement, 6),
        .number = sqlite3_column_int64(statement, 7),
    };
    if (event.topic == NULL || event.ns == NULL || event.key == NULL || event.name == NULL ||
        event.parent == NULL) {
        ms_event_clear(&event);
        return ms_err_memory(err);
    }
    *out = event;
    return 1;
}

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

int ms_meta_trim_events(struct ms_meta *meta, int64_t keep, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(
        meta, "DELETE FROM events WHERE sequence <= (SELECT max(sequence) FROM events) - ?1",
        &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, keep);
    return ms_meta_step(meta, statement, "trim the events", err);
}
