#include <stdlib.h>

#include "base/err.h"
#include "base/grow.h"
#include "base/text.h"
#include "engine/filter/filter.h"
#include "engine/meta/meta.h"
#include "engine/meta/schema.h"

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
    int64_t *items = ms_grow(ids->items, ids->count, &ids->room, sizeof *items);
    if (items == NULL)
        return ms_err_memory(err);
    ids->items = items;
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
    if (code == 0 && sqlite3_prepare_v2(meta->db, "EXPLAIN QUERY PLAN " MS_META_PAGE_SQL, -1,
                                        &statement, NULL) != SQLITE_OK)
        return ms_schema_fail(meta->db, "explain a walk", err);
    while (code >= 0 && (code = ms_meta_step(meta, statement, "explain a walk", err)) == 1)
        ms_text_printf(&text, "%s\n", (const char *)sqlite3_column_text(statement, 3));
    if (code < 0)
        return code;
    *out = ms_text_take(&text);
    return *out != NULL ? MS_OK : ms_err_memory(err);
}
