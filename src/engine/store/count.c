#include "engine/store/count.h"

#include "engine/store/store_inside.h"

int ms_store_count(struct ms_store *store, struct ms_row_counts *out, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    const char *sql = "SELECT total(kind = 1), total(kind = 2), total(kind = 3) FROM snapshots";
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code == 0)
        code = ms_meta_prepare(&store->meta, sql, &statement, err);
    if (code == 0)
        code = ms_meta_step(&store->meta, statement, "count rows", err);
    if (code < 0)
        return code;
    *out = (struct ms_row_counts){.views = sqlite3_column_int64(statement, 0),
                                  .actives = sqlite3_column_int64(statement, 1),
                                  .committed = sqlite3_column_int64(statement, 2)};
    return 0;
}
