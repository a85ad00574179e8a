#include "engine/meta/meta_plan.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/grow.h"
#include "engine/meta/meta.h"
#include "engine/meta/schema.h"

/* ---- plans -----------------------------------------------------------------------------------*/

int ms_meta_add_plan(struct ms_meta *meta, const struct ms_plan *plan, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "INSERT INTO plans (id, namespace, created, header, items)"
                               " VALUES (?1, ?2, ?3, ?4, ?5)",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, plan->id);
    ms_meta_bind(statement, 2, plan->ns);
    sqlite3_bind_int64(statement, 3, plan->created_ns);
    ms_meta_bind(statement, 4, plan->header);
    sqlite3_bind_int64(statement, 5, plan->items);
    code = sqlite3_step(statement);
    if (code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return ms_err_set(err, MS_ALREADY_EXISTS, "plan '%.40s' already exists", plan->id);
    return code == SQLITE_DONE ? MS_OK : ms_schema_fail(meta->db, "write a plan", err);
}

int ms_meta_grow_plan(struct ms_meta *meta, const char *plan, int64_t count, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code =
        ms_meta_prepare(meta, "UPDATE plans SET items = items + ?2 WHERE id = ?1", &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, plan);
    sqlite3_bind_int64(statement, 2, count);
    return ms_meta_step(meta, statement, "write a plan", err);
}

int ms_meta_trim_plans(struct ms_meta *meta, const char *ns, int keep, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "DELETE FROM plans WHERE namespace = ?1 AND id NOT IN (SELECT id"
                               " FROM plans WHERE namespace = ?1"
                               " ORDER BY created DESC, id DESC LIMIT ?2)",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, ns);
    sqlite3_bind_int(statement, 2, keep);
    return ms_meta_step(meta, statement, "delete old plans", err);
}

static int add_plan(struct ms_plans *plans, sqlite3_stmt *statement, struct ms_err *err) {
    struct ms_plan *items = ms_grow(plans->items, plans->count, &plans->room, sizeof *items);
    if (items == NULL)
        return ms_err_memory(err);
    plans->items = items;
    struct ms_plan *plan = &plans->items[plans->count++];
    *plan = (struct ms_plan){
        .id = ms_meta_column(statement, 0),
        .ns = ms_meta_column(statement, 1),
        .created_ns = sqlite3_column_int64(statement, 2),
        .header = ms_meta_column(statement, 3),
        .items = sqlite3_column_int64(statement, 4),
        .done = sqlite3_column_int64(statement, 5),
    };
    bool whole = plan->id != NULL && plan->ns != NULL && plan->header != NULL;
    return whole ? MS_OK : ms_err_memory(err);
}

int ms_meta_plans(struct ms_meta *meta, const char *ns, const char *id, struct ms_plans *out,
                  struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    ms_auto_plans struct ms_plans plans = {0};
    int code = ms_meta_prepare(meta,
                               "SELECT id, namespace, created, header, items, done FROM plans"
                               " WHERE namespace = ?1 AND (?2 IS NULL OR id = ?2)"
                               " ORDER BY created DESC, id DESC",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, ns);
    if (id != NULL)
        ms_meta_bind(statement, 2, id);
    while ((code = ms_meta_step(meta, statement, "read the plans", err)) == 1) {
        code = add_plan(&plans, statement, err);
        if (code < 0)
            return code;
    }
    if (code < 0)
        return code;
    *out = plans;
    plans = (struct ms_plans){0};
    return MS_OK;
}

/* ---- items -----------------------------------------------------------------------------------*/

int ms_meta_add_plan_item(struct ms_meta *meta, const char *plan, const struct ms_plan_item *item,
                          struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "INSERT INTO plan_items (plan, place, number, key, verdict, reason,"
                               " rule, text, size, updated, used, use_count)"
                               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, plan);
    sqlite3_bind_int64(statement, 2, item->place);
    sqlite3_bind_int64(statement, 3, item->number);
    ms_meta_bind(statement, 4, item->key);
    ms_meta_bind(statement, 5, item->verdict);
    ms_meta_bind(statement, 6, item->reason);
    ms_meta_bind(statement, 7, item->rule);
    ms_meta_bind(statement, 8, item->text);
    sqlite3_bind_int64(statement, 9, item->size_bytes);
    sqlite3_bind_int64(statement, 10, item->updated_ns);
    sqlite3_bind_int64(statement, 11, item->used_ns);
    sqlite3_bind_int64(statement, 12, item->use_count);
    return ms_meta_step(meta, statement, "write a plan", err);
}

static int add_item(struct ms_plan_items *items, sqlite3_stmt *statement, struct ms_err *err) {
    struct ms_plan_item *grown = ms_grow(items->items, items->count, &items->room, sizeof *grown);
    if (grown == NULL)
        return ms_err_memory(err);
    items->items = grown;
    struct ms_plan_item *item = &items->items[items->count++];
    *item = (struct ms_plan_item){
        .place = sqlite3_column_int64(statement, 0),
        .number = sqlite3_column_int64(statement, 1),
        .key = ms_meta_column(statement, 2),
        .verdict = ms_meta_column(statement, 3),
        .reason = ms_meta_column(statement, 4),
        .rule = ms_meta_column(statement, 5),
        .text = ms_meta_column(statement, 6),
        .size_bytes = sqlite3_column_int64(statement, 7),
        .updated_ns = sqlite3_column_int64(statement, 8),
        .used_ns = sqlite3_column_int64(statement, 9),
        .use_count = sqlite3_column_int64(statement, 10),
        .outcome = ms_meta_column(statement, 11),
        .outcome_text = ms_meta_column(statement, 12),
    };
    bool whole = item->key != NULL && item->verdict != NULL && item->reason != NULL &&
                 item->rule != NULL && item->text != NULL && item->outcome != NULL &&
                 item->outcome_text != NULL;
    return whole ? MS_OK : ms_err_memory(err);
}

int ms_meta_plan_items(struct ms_meta *meta, const char *plan, const struct ms_plan_page *page,
                       struct ms_plan_items *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    ms_auto_plan_items struct ms_plan_items items = {0};
    int code = ms_meta_prepare(meta,
                               "SELECT i.place, i.number, i.key, i.verdict, i.reason, i.rule,"
                               " i.text, i.size, i.updated, i.used, i.use_count,"
                               " iif(i.outcome = '' AND i.place <= p.done, 'removed', i.outcome)"
                               "   AS came, i.outcome_text"
                               " FROM plan_items i CROSS JOIN plans p ON p.id = i.plan"
                               " WHERE i.plan = ?1 AND i.place > ?2 AND (?3 IS NULL OR came = ?3)"
                               " ORDER BY i.place LIMIT ?4",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, plan);
    sqlite3_bind_int64(statement, 2, page->after);
    if (page->outcome != NULL)
        ms_meta_bind(statement, 3, page->outcome);
    sqlite3_bind_int64(statement, 4, page->count);
    while ((code = ms_meta_step(meta, statement, "read a plan", err)) == 1) {
        code = add_item(&items, statement, err);
        if (code < 0)
            return code;
    }
    if (code < 0)
        return code;
    *out = items;
    items = (struct ms_plan_items){0};
    return MS_OK;
}

int ms_meta_plan_done(struct ms_meta *meta, const char *plan, int64_t place, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta, "UPDATE plans SET done = max(done, ?2) WHERE id = ?1",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, plan);
    sqlite3_bind_int64(statement, 2, place);
    return ms_meta_step(meta, statement, "write a plan", err);
}

int ms_meta_plan_outcome(struct ms_meta *meta, const char *plan,
                         const struct ms_plan_outcome *outcome, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(meta,
                               "UPDATE plan_items SET outcome = ?3, outcome_text = ?4"
                               " WHERE plan = ?1 AND place = ?2",
                               &statement, err);
    if (code < 0)
        return code;
    ms_meta_bind(statement, 1, plan);
    sqlite3_bind_int64(statement, 2, outcome->place);
    ms_meta_bind(statement, 3, outcome->outcome);
    ms_meta_bind(statement, 4, outcome->text);
    code = ms_meta_step(meta, statement, "write a plan", err);
    return code < 0 ? code : sqlite3_changes(meta->db) != 0;
}
