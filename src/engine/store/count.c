#include "engine/store/count.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "base/err.h"
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

int ms_store_sum(struct ms_store *store, const char *ns, const struct ms_filter *filter,
                 struct ms_sum *out, struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    return code < 0 ? code : ms_meta_sum(&store->meta, ns, filter, out, err);
}

int ms_store_filesystem(struct ms_store *store, int64_t *size, int64_t *free, struct ms_err *err) {
    struct statvfs found;
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code < 0)
        return code;
    if (fstatvfs(store->place.layers_fd, &found) < 0)
        return ms_err_sys(err, errno, "look at the file system of layers/");
    *size = (int64_t)(found.f_blocks * found.f_frsize);
    *free = (int64_t)(found.f_bavail * found.f_frsize);
    return MS_OK;
}
