#include "engine/meta/meta_pin.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/grow.h"
#include "engine/meta/meta.h"

int ms_meta_pin(struct ms_meta *meta, const struct ms_pin *pin, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "INSERT OR REPLACE INTO pins (snapshot, created, until, reason)"
                               " VALUES (?1, ?2, ?3, ?4)",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, pin->number);
    sqlite3_bind_int64(statement, 2, pin->created_ns);
    sqlite3_bind_int64(statement, 3, pin->until_ns);
    sqlite3_bind_text(statement, 4, pin->reason, -1, SQLITE_STATIC);
    return ms_meta_step(meta, statement, "write a pin", err);
}

int ms_meta_unpin(struct ms_meta *meta, int64_t number, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "DELETE FROM pins WHERE snapshot = ?1", &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, number);
    code = ms_meta_step(meta, statement, "delete a pin", err);
    return code < 0 ? code : sqlite3_changes(meta->db) != 0;
}

#define PIN_COLUMNS                                                                                \
    "SELECT p.snapshot, s.key, p.reason, p.created, p.until"                                       \
    " FROM pins p JOIN snapshots s ON s.id = p.snapshot"

static int read_pin(sqlite3_stmt *statement, struct ms_pin *out, struct ms_err *err) {
    ms_auto_pin struct ms_pin pin = {
        .number = sqlite3_column_int64(statement, 0),
        .key = ms_meta_column(statement, 1),
        .reason = ms_meta_column(statement, 2),
        .created_ns = sqlite3_column_int64(statement, 3),
        .until_ns = sqlite3_column_int64(statement, 4),
    };
    if (pin.key == NULL || pin.reason == NULL)
        return ms_err_memory(err);
    *out = pin;
    pin = (struct ms_pin){0};
    return MS_OK;
}

int ms_meta_find_pin(struct ms_meta *meta, int64_t number, struct ms_pin *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, PIN_COLUMNS " WHERE p.snapshot = ?1", &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_int64(statement, 1, number);
    code = ms_meta_step(meta, statement, "read a pin", err);
    if (code <= 0)
        return code;
    code = read_pin(statement, out, err);
    return code < 0 ? code : 1;
}

static int add_pin(struct ms_pins *pins, sqlite3_stmt *statement, struct ms_err *err) {
    struct ms_pin *items = ms_grow(pins->items, pins->count, &pins->room, sizeof *items);
    if (items == NULL)
        return ms_err_memory(err);
    pins->items = items;
    int code = read_pin(statement, &pins->items[pins->count], err);
    pins->count += code == MS_OK;
    return code;
}

int ms_meta_pins(struct ms_meta *meta, const char *ns, struct ms_pins *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    ms_auto_pins struct ms_pins pins = {0};
    int code = ms_meta_prepare(meta, PIN_COLUMNS " WHERE s.namespace = ?1 ORDER BY p.snapshot",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, ns, -1, SQLITE_STATIC);
    while ((code = ms_meta_step(meta, statement, "read the pins", err)) == 1) {
        code = add_pin(&pins, statement, err);
        if (code < 0)
            return code;
    }
    if (code < 0)
        return code;
    *out = pins;
    pins = (struct ms_pins){0};
    return MS_OK;
}
