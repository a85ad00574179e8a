#include "base/err.h"
#include "base/text.h"
#include "engine/filter/filter.h"
#include "engine/meta/meta.h"
#include "engine/meta/schema.h"

/* ---- filters as conditions -----------------------------------------------------------------
 * Unlike a walk's look into the indexes (meta_walk.c), a condition is exact: nothing is evaluated
 * on what it selects. What has no condition (expressions, != "") is walked. */

#define BOUND_MAX 64 /* values; a filter with more is walked */
struct bound {
    struct ms_span values[BOUND_MAX];
    size_t count;
};

/* There is room for two values: what add_selector adds at most. */
static bool has_room(const struct bound *bound) { return bound->count + 2 <= BOUND_MAX; }

static void add_value(struct ms_text *sql, struct bound *bound, struct ms_span value) {
    ms_text_printf(sql, "?%zu", bound->count + 2);
    bound->values[bound->count++] = value;
}

static void add_label(const struct ms_selector *selector, struct ms_text *sql,
                      struct bound *bound) {
    ms_text_printf(sql, "s.id %s (SELECT snapshot FROM labels WHERE name = ",
                   selector->op == MS_OP_NOT_EQUAL ? "NOT IN" : "IN");
    add_value(sql, bound, selector->path.rest);
    if (selector->op != MS_OP_PRESENT) {
        ms_text_puts(sql, " AND value = ");
        add_value(sql, bound, selector->value);
    }
    ms_text_puts(sql, ")");
}

/* Compares an expression that is never NULL, or says that it is there. */
static void add_compare(const struct ms_selector *selector, const char *expression,
                        struct ms_text *sql, struct bound *bound) {
    if (selector->op == MS_OP_PRESENT) {
        ms_text_puts(sql, "1");
        return;
    }
    ms_text_printf(sql, "%s %s ", expression, selector->op == MS_OP_EQUAL ? "=" : "!=");
    add_value(sql, bound, selector->value);
}

static bool add_selector(const struct ms_selector *selector, struct ms_text *sql,
                         struct bound *bound) {
    if (selector->op == MS_OP_MATCHES || !has_room(bound))
        return false;
    switch (ms_filter_field(&selector->path)) {
    case MS_FIELD_LABEL:
        /* a label that is not there equals "", which no label that is there does */
        if (selector->op == MS_OP_NOT_EQUAL && selector->value.size == 0)
            return false;
        add_label(selector, sql, bound);
        return true;
    case MS_FIELD_NAME:
        add_compare(selector, "s.key", sql, bound);
        return true;
    case MS_FIELD_KIND:
        add_compare(selector,
                    "CASE s.kind WHEN 1 THEN 'view' WHEN 2 THEN 'active' ELSE 'committed' END", sql,
                    bound);
        return true;
    case MS_FIELD_PARENT:
        add_compare(selector, "ifnull((SELECT key FROM snapshots WHERE id = s.parent), '')", sql,
                    bound);
        return true;
    case MS_FIELD_NONE:
        break;
    }
    return false;
}

static bool add_filter(const struct ms_filter *filter, struct ms_text *sql, struct bound *bound) {
    size_t alternatives = filter != NULL ? ms_filter_alternatives(filter) : 0;
    for (size_t i = 0; i < alternatives; i++) {
        size_t count = 0;
        const struct ms_selector *selectors = ms_filter_selectors(filter, i, &count);
        ms_text_puts(sql, i == 0 ? " AND ((1" : ") OR (1");
        for (size_t j = 0; j < count; j++) {
            ms_text_puts(sql, " AND ");
            if (!add_selector(&selectors[j], sql, bound))
                return false;
        }
    }
    ms_text_puts(sql, alternatives != 0 ? "))" : "");
    return true;
}

static void own_statement(sqlite3_stmt **statement) { (void)sqlite3_finalize(*statement); }
#define auto_statement __attribute__((cleanup(own_statement)))

static int read_sum(struct ms_meta *meta, sqlite3_stmt *statement, struct ms_sum *out,
                    struct ms_err *err) {
    int code = ms_meta_step(meta, statement, "count snapshots", err);
    if (code < 0)
        return code;
    *out = (struct ms_sum){.count = sqlite3_column_int64(statement, 0),
                           .usage = {.size_bytes = sqlite3_column_int64(statement, 1),
                                     .inodes = sqlite3_column_int64(statement, 2)}};
    return MS_OK;
}

#define SUM_COLUMNS "SELECT count(*), ifnull(sum(s.size), 0), ifnull(sum(s.inodes), 0)"

/* 1 when a condition says it all, 0 when the rows must be walked. */
static int sum_condition(struct ms_meta *meta, const char *ns, const struct ms_filter *filter,
                         struct ms_sum *out, struct ms_err *err) {
    ms_auto_text struct ms_text sql = {0};
    auto_statement sqlite3_stmt *statement = NULL;
    struct bound bound = {.count = 0};
    /* the plus keeps the planner from reading a whole namespace where a label's index finds few */
    ms_text_puts(&sql, SUM_COLUMNS " FROM snapshots s WHERE ");
    ms_text_puts(&sql, filter != NULL ? "+s.namespace = ?1" : "s.namespace = ?1");
    if (!add_filter(filter, &sql, &bound))
        return 0;
    int code = ms_text_check(&sql, err);
    if (code < 0)
        return code;
    if (sqlite3_prepare_v2(meta->db, sql.bytes, (int)sql.size, &statement, NULL) != SQLITE_OK)
        return ms_schema_fail(meta->db, "count snapshots", err);
    sqlite3_bind_text(statement, 1, ns, -1, SQLITE_STATIC);
    for (size_t i = 0; i < bound.count; i++)
        sqlite3_bind_text(statement, (int)i + 2, bound.values[i].bytes, (int)bound.values[i].size,
                          SQLITE_STATIC);
    code = read_sum(meta, statement, out, err);
    return code < 0 ? code : 1;
}

static int sum_page(struct ms_meta *meta, const struct ms_page *page,
                    const struct ms_filter *filter, struct ms_sum *out, struct ms_err *err) {
    for (size_t i = 0; i < page->count; i++) {
        ms_auto_reset sqlite3_stmt *statement = NULL;
        struct ms_sum one = {0};
        if (!ms_filter_match(filter, &page->infos[i]))
            continue;
        int code =
            ms_meta_prepare(meta, SUM_COLUMNS " FROM snapshots s WHERE s.id = ?1", &statement, err);
        if (code < 0)
            return code;
        sqlite3_bind_int64(statement, 1, page->infos[i].number);
        code = read_sum(meta, statement, &one, err);
        if (code < 0)
            return code;
        out->count += one.count;
        out->usage.size_bytes += one.usage.size_bytes;
        out->usage.inodes += one.usage.inodes;
    }
    return MS_OK;
}

int ms_meta_sum(struct ms_meta *meta, const char *ns, const struct ms_filter *filter,
                struct ms_sum *out, struct ms_err *err) {
    *out = (struct ms_sum){0};
    int code = sum_condition(meta, ns, filter, out, err);
    int64_t after = 0;
    bool more = code == 0;
    while (code >= 0 && more) {
        struct ms_page page = {.count = 0};
        code = ms_meta_page(meta, ns, after, &page, err);
        more = page.count == MS_PAGE;
        if (code == MS_OK && page.count != 0) {
            after = page.infos[page.count - 1].number;
            code = sum_page(meta, &page, filter, out, err);
        }
        for (size_t i = 0; i < page.count; i++)
            ms_info_clear(&page.infos[i]);
    }
    return code < 0 ? code : MS_OK;
}
