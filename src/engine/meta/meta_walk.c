#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/filter/filter.h"
#include "engine/meta/meta.h"
#include "engine/meta/schema.h"

/* One row of this select is a snapshot with one of its labels, or with none. */
#define INFO_COLUMNS                                                                               \
    "SELECT s.id, s.key, p.key, s.kind, s.created, s.updated, s.used, s.use_count, s.damaged,"     \
    " l.name, l.value"
#define INFO_JOINS                                                                                 \
    " LEFT JOIN snapshots p ON p.id = s.parent LEFT JOIN labels l ON l.snapshot = s.id"

static int read_info(sqlite3_stmt *statement, struct ms_info *out, struct ms_err *err) {
    *out = (struct ms_info){
        .number = sqlite3_column_int64(statement, 0),
        .name = ms_meta_column(statement, 1),
        .parent = ms_meta_column(statement, 2),
        .kind = sqlite3_column_int(statement, 3),
        .created_ns = sqlite3_column_int64(statement, 4),
        .updated_ns = sqlite3_column_int64(statement, 5),
        .used_ns = sqlite3_column_int64(statement, 6),
        .use_count = sqlite3_column_int64(statement, 7),
        .damaged = sqlite3_column_int(statement, 8) != 0,
    };
    if (out->name != NULL && out->parent != NULL)
        return MS_OK;
    ms_info_clear(out);
    return ms_err_memory(err);
}

static int read_label(sqlite3_stmt *statement, struct ms_labels *labels, struct ms_err *err) {
    if (sqlite3_column_type(statement, 9) == SQLITE_NULL)
        return MS_OK;
    return ms_labels_append(labels, (const char *)sqlite3_column_text(statement, 9),
                            (const char *)sqlite3_column_text(statement, 10), err);
}

/* Gathers the rows of statement, which come in order of number, into infos; at most room. */
static int gather(struct ms_meta *meta, sqlite3_stmt *statement, struct ms_info *out, size_t room,
                  size_t *count, struct ms_err *err) {
    int code;
    *count = 0;
    while ((code = ms_meta_step(meta, statement, "read snapshots", err)) == 1) {
        bool same = *count != 0 && out[*count - 1].number == sqlite3_column_int64(statement, 0);
        if (!same && *count == room)
            break;
        code = same ? MS_OK : read_info(statement, &out[*count], err);
        if (code == MS_OK && !same)
            ++*count;
        if (code == MS_OK)
            code = read_label(statement, &out[*count - 1].labels, err);
        if (code < 0)
            break;
    }
    if (code >= 0)
        return MS_OK;
    while (*count != 0)
        ms_info_clear(&out[--*count]);
    return code;
}

int ms_meta_info(struct ms_meta *meta, const char *ns, const char *key, struct ms_info *out,
                 struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    size_t count = 0;
    int code = ms_meta_prepare(meta,
                               INFO_COLUMNS " FROM snapshots s" INFO_JOINS
                                            " WHERE s.namespace = ?1 AND s.key = ?2"
                                            " ORDER BY l.name",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, ns, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, key, -1, SQLITE_STATIC);
    code = gather(meta, statement, out, 1, &count, err);
    if (code == MS_OK && count == 0)
        return ms_err_set(err, MS_NOT_FOUND, "snapshot '%.100s' does not exist", key);
    return code;
}

/* ---- pages --------------------------------------------------------------------------------- */

#define PAGE_SQL                                                                                   \
    INFO_COLUMNS " FROM (SELECT id FROM snapshots INDEXED BY snapshots_by_namespace"               \
                 " WHERE namespace = ?1 AND id > ?2 ORDER BY id LIMIT ?3) m"                       \
                 " CROSS JOIN snapshots s ON s.id = m.id" INFO_JOINS " ORDER BY s.id, l.name"

int ms_meta_page(struct ms_meta *meta, const char *ns, int64_t after, struct ms_page *out,
                 struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, PAGE_SQL, &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, ns, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, after);
    sqlite3_bind_int64(statement, 3, MS_PAGE);
    return gather(meta, statement, out->infos, MS_PAGE, &out->count, err);
}

int ms_meta_infos(struct ms_meta *meta, const char *ns, const struct ms_ids *ids, size_t first,
                  struct ms_page *out, struct ms_err *err) {
    ms_auto_text struct ms_text list = {0};
    ms_auto_reset sqlite3_stmt *statement = NULL;
    out->count = 0;
    if (first >= ids->count)
        return MS_OK;
    for (size_t i = first; i < ids->count && i < first + MS_PAGE; i++)
        ms_text_printf(&list, "%c%lld", i == first ? '[' : ',', (long long)ids->items[i]);
    ms_text_puts(&list, "]");
    int code = ms_text_check(&list, err);
    if (code == MS_OK)
        code = ms_meta_prepare(meta,
                               INFO_COLUMNS " FROM json_each(?1) m CROSS JOIN snapshots s"
                                            " ON s.id = m.value AND s.namespace = ?2" INFO_JOINS
                                            " ORDER BY s.id, l.name",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, list.bytes, (int)list.size, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, ns, -1, SQLITE_STATIC);
    return gather(meta, statement, out->infos, MS_PAGE, &out->count, err);
}

/* ---- filters as SQL ------------------------------------------------------------------------ */

/* Values to bind behind ?1, the namespace; borrowed from the filter. */
#define BOUND_MAX (2 * MS_FILTERS_MAX)
struct bound {
    struct ms_span values[BOUND_MAX];
    size_t count;
};

static void add_value(struct ms_text *sql, struct bound *bound, const char *before,
                      struct ms_span value) {
    ms_text_puts(sql, before);
    ms_text_printf(sql, "?%zu", bound->count + 2);
    bound->values[bound->count++] = value;
}

/* The ids that one selector can match, when an index finds them. False when none does. */
static bool index_selector(const struct ms_selector *selector, struct ms_text *sql,
                           struct bound *bound) {
    enum ms_field field = ms_filter_field(&selector->path);
    bool equal = selector->op == MS_OP_EQUAL;
    if (field == MS_FIELD_LABEL && (equal || selector->op == MS_OP_PRESENT)) {
        add_value(sql, bound, "SELECT snapshot FROM labels WHERE name = ", selector->path.rest);
        if (equal)
            add_value(sql, bound, " AND value = ", selector->value);
        return true;
    }
    if (field == MS_FIELD_NAME && equal) {
        add_value(sql, bound,
                  "SELECT id FROM snapshots WHERE namespace = ?1 AND key = ", selector->value);
        return true;
    }
    if (field == MS_FIELD_PARENT && equal && selector->value.size != 0) {
        add_value(sql, bound,
                  "SELECT c.id FROM snapshots c WHERE c.parent = (SELECT id FROM snapshots"
                  " WHERE namespace = ?1 AND key = ",
                  selector->value);
        ms_text_puts(sql, ")");
        return true;
    }
    return false;
}

/* The best selector of an alternative: equality before presence. */
static bool index_alternative(const struct ms_filter *filter, size_t alternative,
                              struct ms_text *sql, struct bound *bound) {
    size_t count = 0;
    const struct ms_selector *selectors = ms_filter_selectors(filter, alternative, &count);
    for (size_t i = 0; i < count; i++)
        if (selectors[i].op == MS_OP_EQUAL && index_selector(&selectors[i], sql, bound))
            return true;
    for (size_t i = 0; i < count; i++)
        if (index_selector(&selectors[i], sql, bound))
            return true;
    return false;
}

/* A select of all ids that filter can match; false when one of its alternatives needs a scan. */
static bool index_filter(const struct ms_filter *filter, struct ms_text *sql, struct bound *bound) {
    size_t alternatives = filter != NULL ? ms_filter_alternatives(filter) : 0;
    for (size_t i = 0; i < alternatives; i++) {
        if (i != 0)
            ms_text_puts(sql, " UNION ");
        if (!index_alternative(filter, i, sql, bound))
            return false;
    }
    ms_text_puts(sql, " ORDER BY 1");
    return alternatives != 0;
}

/* Statements of filters are not cached: each has its own text. */
static void own_statement(sqlite3_stmt **statement) { (void)sqlite3_finalize(*statement); }
#define auto_statement __attribute__((cleanup(own_statement)))

/* 1 and *out for a filter that indexes answer, 0 for one that needs a scan. */
static int prepare_ids(struct ms_meta *meta, const char *ns, const struct ms_filter *filter,
                       const char *front, sqlite3_stmt **out, struct ms_err *err) {
    ms_auto_text struct ms_text sql = {0};
    struct bound bound = {.count = 0};
    ms_text_puts(&sql, front);
    if (!index_filter(filter, &sql, &bound))
        return 0;
    int code = ms_text_check(&sql, err);
    if (code < 0)
        return code;
    if (sqlite3_prepare_v2(meta->db, sql.bytes, (int)sql.size, out, NULL) != SQLITE_OK)
        return ms_schema_fail(meta->db, "prepare a walk", err);
    if (sqlite3_bind_parameter_count(*out) > 0)
        sqlite3_bind_text(*out, 1, ns, -1, SQLITE_STATIC);
    for (size_t i = 0; i < bound.count; i++)
        sqlite3_bind_text(*out, (int)i + 2, bound.values[i].bytes, (int)bound.values[i].size,
                          SQLITE_STATIC);
    return 1;
}

void ms_ids_clear(struct ms_ids *ids) {
    free(ids->items);
    *ids = (struct ms_ids){0};
}

int ms_ids_add(struct ms_ids *ids, int64_t number, struct ms_err *err) {
    if (ids->count == ids->room) {
        size_t room = ids->room == 0 ? 64 : ids->room * 2;
        int64_t *items = realloc(ids->items, room * sizeof *items);
        if (items == NULL)
            return ms_err_memory(err);
        ids->items = items;
        ids->room = room;
    }
    ids->items[ids->count++] = number;
    return MS_OK;
}

int ms_meta_ids(struct ms_meta *meta, const char *ns, const struct ms_filter *filter,
                struct ms_ids *out, struct ms_err *err) {
    auto_statement sqlite3_stmt *statement = NULL;
    ms_auto_ids struct ms_ids ids = {0};
    int code = prepare_ids(meta, ns, filter, "", &statement, err);
    if (code <= 0)
        return code;
    while ((code = ms_meta_step(meta, statement, "look for snapshots", err)) == 1) {
        code = ms_ids_add(&ids, sqlite3_column_int64(statement, 0), err);
        if (code < 0)
            return code;
    }
    if (code < 0)
        return code;
    *out = ids;
    ids = (struct ms_ids){0};
    return 1;
}

int ms_meta_explain(struct ms_meta *meta, const char *ns, const struct ms_filter *filter,
                    char **out, struct ms_err *err) {
    auto_statement sqlite3_stmt *statement = NULL;
    ms_auto_text struct ms_text text = {0};
    int code = prepare_ids(meta, ns, filter, "EXPLAIN QUERY PLAN ", &statement, err);
    if (code == 0 && sqlite3_prepare_v2(meta->db, "EXPLAIN QUERY PLAN " PAGE_SQL, -1, &statement,
                                        NULL) != SQLITE_OK)
        return ms_schema_fail(meta->db, "explain a walk", err);
    while (code >= 0 && (code = ms_meta_step(meta, statement, "explain a walk", err)) == 1)
        ms_text_printf(&text, "%s\n", (const char *)sqlite3_column_text(statement, 3));
    if (code < 0)
        return code;
    *out = ms_text_take(&text);
    return *out != NULL ? MS_OK : ms_err_memory(err);
}
