#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/filter/filter.h"
#include "engine/meta/labels.h"
#include "engine/meta/meta.h"

static int read_info(sqlite3_stmt *statement, struct ms_info *out, struct ms_err *err) {
    ms_auto_info struct ms_info info = {
        .number = sqlite3_column_int64(statement, 0),
        .name = ms_meta_column(statement, 1),
        .parent = ms_meta_column(statement, 2),
        .kind = sqlite3_column_int(statement, 3),
        .created_ns = sqlite3_column_int64(statement, 4),
        .updated_ns = sqlite3_column_int64(statement, 5),
        .damaged = sqlite3_column_int(statement, 6) != 0,
        .used_ns = sqlite3_column_int64(statement, 8),
        .use_count = sqlite3_column_int64(statement, 9),
    };
    if (info.name == NULL || info.parent == NULL)
        return ms_err_memory(err);
    int code = ms_labels_decode(sqlite3_column_blob(statement, 7),
                                (size_t)sqlite3_column_bytes(statement, 7), &info.labels, err);
    if (code < 0)
        return code;
    *out = info;
    info = (struct ms_info){0};
    return MS_OK;
}

/* Gathers the rows of statement into infos. */
static int gather(struct ms_meta *meta, sqlite3_stmt *statement, struct ms_page *out,
                  struct ms_err *err) {
    int code;
    out->count = 0;
    while ((code = ms_meta_step(meta, statement, "read snapshots", err)) == 1) {
        code = read_info(statement, &out->infos[out->count], err);
        if (code < 0)
            break;
        if (++out->count == MS_PAGE)
            return MS_OK;
    }
    if (code >= 0)
        return MS_OK;
    while (out->count != 0)
        ms_info_clear(&out->infos[--out->count]);
    return code;
}

/* Steps to the row of a key. */
static int find_row(struct ms_meta *meta, const char *sql, const char *ns, const char *key,
                    sqlite3_stmt **out, struct ms_err *err) {
    int code = ms_meta_prepare(meta, sql, out, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(*out, 1, ns, -1, SQLITE_STATIC);
    sqlite3_bind_text(*out, 2, key, -1, SQLITE_STATIC);
    code = ms_meta_step(meta, *out, "find a snapshot", err);
    if (code == 0)
        return ms_err_set(err, MS_NOT_FOUND, "snapshot '%.100s' does not exist", key);
    return code < 0 ? code : MS_OK;
}

#define INFO_SQL                                                                                   \
    MS_META_INFO_COLUMNS " FROM snapshots s" MS_META_INFO_JOIN                                     \
                         " WHERE s.namespace = ?1 AND s.key = ?2"

int ms_meta_info(struct ms_meta *meta, const char *ns, const char *key, struct ms_info *out,
                 struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = find_row(meta, INFO_SQL, ns, key, &statement, err);
    return code < 0 ? code : read_info(statement, out, err);
}

/* ---- pages --------------------------------------------------------------------------------- */

static int prepare_page(struct ms_meta *meta, const char *ns, int64_t after, sqlite3_stmt **out,
                        struct ms_err *err) {
    int code = ms_meta_prepare(meta, MS_META_PAGE_SQL, out, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(*out, 1, ns, -1, SQLITE_STATIC);
    sqlite3_bind_int64(*out, 2, after);
    sqlite3_bind_int64(*out, 3, MS_PAGE);
    return MS_OK;
}

int ms_meta_page(struct ms_meta *meta, const char *ns, int64_t after, struct ms_page *out,
                 struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = prepare_page(meta, ns, after, &statement, err);
    return code < 0 ? code : gather(meta, statement, out, err);
}

static struct ms_span span_of(sqlite3_stmt *statement, int column) {
    struct ms_span span = {.bytes = sqlite3_column_blob(statement, column)};
    span.size = (size_t)sqlite3_column_bytes(statement, column);
    return span;
}

/* ---- rows as they are -------------------------------------------------------------------------*/

void ms_recall_clear(struct ms_recall *recall) {
    if (!recall->used)
        return;
    for (size_t i = 0; i < MS_RECALL; i++)
        ms_text_clear(&recall->names[i]);
    *recall = (struct ms_recall){0};
}

static void remember(struct ms_recall *recall, int64_t number, struct ms_span name) {
    size_t slot = (size_t)number % MS_RECALL;
    struct ms_text *kept = &recall->names[slot];
    recall->used = true;
    kept->size = 0;
    ms_text_append(kept, name.bytes, name.size);
    recall->numbers[slot] = kept->failed ? 0 : number;
    kept->failed = false;
}

/* The name of a parent: mostly one that was seen a moment ago. */
static int recall_name(struct ms_meta *meta, int64_t number, struct ms_span *out,
                       struct ms_err *err) {
    struct ms_recall *recall = &meta->recall;
    size_t slot = (size_t)number % MS_RECALL;
    if (number == 0)
        return MS_OK;
    if (recall->numbers[slot] != number) {
        ms_auto_reset sqlite3_stmt *statement = NULL;
        int code =
            ms_meta_prepare(meta, "SELECT key FROM snapshots WHERE id = ?1", &statement, err);
        if (code < 0)
            return code;
        sqlite3_bind_int64(statement, 1, number);
        code = ms_meta_step(meta, statement, "find a parent", err);
        if (code <= 0)
            return code;
        remember(recall, number, span_of(statement, 0));
        if (recall->numbers[slot] != number)
            return ms_err_memory(err);
    }
    *out = (struct ms_span){.bytes = recall->names[slot].bytes, .size = recall->names[slot].size};
    return MS_OK;
}

#define BRIEF_SQL "SELECT id, key, parent, kind, created, updated, labels FROM snapshots"
#define EACH_SQL                                                                                   \
    BRIEF_SQL " INDEXED BY snapshots_by_namespace"                                                 \
              " WHERE namespace = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
#define ONE_SQL BRIEF_SQL " WHERE namespace = ?1 AND key = ?2"

static int read_brief(struct ms_meta *meta, sqlite3_stmt *statement, struct ms_brief *out,
                      struct ms_err *err) {
    *out = (struct ms_brief){
        .number = sqlite3_column_int64(statement, 0),
        .name = span_of(statement, 1),
        .kind = sqlite3_column_int(statement, 3),
        .created_ns = sqlite3_column_int64(statement, 4),
        .updated_ns = sqlite3_column_int64(statement, 5),
        .labels = span_of(statement, 6),
    };
    return recall_name(meta, sqlite3_column_int64(statement, 2), &out->parent, err);
}

int ms_meta_one(struct ms_meta *meta, const char *ns, const char *key, ms_brief_visit *visit,
                void *context, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    struct ms_brief brief;
    int code = find_row(meta, ONE_SQL, ns, key, &statement, err);
    if (code == MS_OK)
        code = read_brief(meta, statement, &brief, err);
    if (code == MS_OK)
        (void)visit(context, &brief);
    return code;
}

int ms_meta_each(struct ms_meta *meta, const char *ns, int64_t *after, ms_brief_visit *visit,
                 void *context, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int count = 0;
    int code = ms_meta_prepare(meta, EACH_SQL, &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, ns, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, *after);
    sqlite3_bind_int64(statement, 3, MS_PAGE);
    while ((code = ms_meta_step(meta, statement, "read snapshots", err)) == 1) {
        struct ms_brief brief;
        code = read_brief(meta, statement, &brief, err);
        if (code < 0)
            return code;
        *after = brief.number;
        count++;
        bool more = visit(context, &brief);
        if (brief.kind ==
            MS_KIND_COMMITTED) /* not before: the parent's name may lie in its place */
            remember(&meta->recall, brief.number, brief.name);
        if (!more)
            return count;
    }
    return code < 0 ? code : count;
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
                               MS_META_INFO_COLUMNS
                               " FROM json_each(?1) m CROSS JOIN snapshots s"
                               " ON s.id = m.value AND s.namespace = ?2" MS_META_INFO_JOIN
                               " ORDER BY s.id",
                               &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, list.bytes, (int)list.size, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, ns, -1, SQLITE_STATIC);
    return gather(meta, statement, out, err);
}
