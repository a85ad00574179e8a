#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/own.h"
#include "engine/clock.h"
#include "engine/store/events.h"
#include "engine/store/store_inside.h"

#define TOPIC_FRONT "/moonsnap/"
#define TOPIC_MAX 128
#define DATA_MAX 65536

int ms_store_id(struct ms_store *store, char out[MS_STORE_ID_SIZE], struct ms_err *err) {
    ms_auto_free char *id = NULL;
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code == MS_OK)
        code = ms_meta_setting(&store->meta, "store_id", &id, err);
    if (code < 0)
        return code;
    if (id == NULL || strlen(id) != MS_STORE_ID_SIZE - 1)
        return ms_err_set(err, MS_DATA_LOSS, "metadata.db does not say which store it is");
    memcpy(out, id, MS_STORE_ID_SIZE);
    return MS_OK;
}

int ms_store_events(struct ms_store *store, const struct ms_event_query *query, int64_t *since,
                    ms_event_visit *visit, void *context, struct ms_err *err) {
    int code = ms_store_enter(store, query->ns, NULL, err);
    return code < 0 ? code : ms_meta_events(&store->meta, query, since, visit, context, err);
}

int ms_store_last_event(struct ms_store *store, int64_t *out, struct ms_err *err) {
    int code = ms_store_enter(store, NULL, NULL, err);
    return code < 0 ? code : ms_meta_last_event(&store->meta, out, err);
}

/* ---- events of our own -----------------------------------------------------------------------*/

/* Parts of letters, digits, "_", "-" and ".", each behind a slash. */
static int check_topic(const char *topic, struct ms_err *err) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    bool good = strncmp(topic, TOPIC_FRONT, sizeof TOPIC_FRONT - 1) == 0;
    for (const char *at = topic; good && *at != '\0';) {
        size_t size = *at == '/' ? strspn(at + 1, letters) : 0;
        good = size != 0 && strlen(topic) <= TOPIC_MAX;
        if (!good)
            break;
        at += 1 + size;
        at += strspn(at, "_-.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    }
    if (good && strcmp(topic, MS_TOPIC_LOST) != 0)
        return MS_OK;
    return ms_err_set(err, MS_INVALID_ARGUMENT,
                      "topic '%.80s': it must be one below " TOPIC_FRONT " such as " TOPIC_FRONT
                      "gc/done",
                      topic);
}

/* Asks SQLite, which reads JSON. */
static int check_data(struct ms_meta *meta, const char *data, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    if (data == NULL || data[0] == '\0')
        return MS_OK;
    if (strlen(data) > DATA_MAX)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "the data are over %d bytes", DATA_MAX);
    int code = ms_meta_prepare(
        meta, "SELECT CASE WHEN json_valid(?1) THEN json_type(?1) = 'object' ELSE 0 END",
        &statement, err);
    if (code < 0)
        return code;
    sqlite3_bind_text(statement, 1, data, -1, SQLITE_STATIC);
    code = ms_meta_step(meta, statement, "read the data", err);
    if (code < 0)
        return code;
    if (sqlite3_column_int(statement, 0) == 1)
        return MS_OK;
    return ms_err_set(err, MS_INVALID_ARGUMENT, "the data are no JSON object");
}

static int add_inside(struct ms_store *store, const struct ms_new_event *event,
                      struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    struct ms_err none;
    struct ms_new_event with = *event;
    if (event->number == 0 && event->key != NULL && event->key[0] != '\0') {
        int code = ms_meta_find(&store->meta, event->ns, event->key, &row, &none);
        if (code < 0 && code != MS_NOT_FOUND) {
            *err = none;
            return code;
        }
        with.number = row.number;
    }
    return ms_meta_add_event(&store->meta, &with, err);
}

int ms_store_add_event(struct ms_store *store, const struct ms_new_event *event,
                       struct ms_err *err) {
    int code = ms_store_enter(store, event->ns, NULL, err);
    if (code == MS_OK)
        code = check_topic(event->topic, err);
    if (code == MS_OK)
        code = check_data(&store->meta, event->data, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK)
        code = ms_store_end(store, add_inside(store, event, err), err);
    return code < 0 ? ms_err_wrap(err, "write an event") : MS_OK;
}

/* ---- cursors ---------------------------------------------------------------------------------*/

int ms_store_cursor(struct ms_store *store, const char *name, struct ms_cursor *out,
                    struct ms_err *err) {
    int code = ms_store_enter(store, NULL, NULL, err);
    return code < 0 ? code : ms_meta_cursor(&store->meta, name, out, err);
}

int ms_store_set_cursor(struct ms_store *store, const char *name, const struct ms_cursor *cursor,
                        struct ms_err *err) {
    struct ms_cursor with = *cursor;
    with.updated_ns = ms_clock_now_ns();
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code == MS_OK)
        code = ms_key_check("cursor", name, strlen(name), err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK)
        code = ms_store_end(store, ms_meta_set_cursor(&store->meta, name, &with, err), err);
    return code < 0 ? ms_err_wrap(err, "move the cursor '%.60s'", name) : MS_OK;
}

int ms_store_drop_cursor(struct ms_store *store, const char *name, struct ms_err *err) {
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK)
        code = ms_store_end(store, ms_meta_drop_cursor(&store->meta, name, err), err);
    return code < 0 ? ms_err_wrap(err, "drop the cursor '%.60s'", name) : MS_OK;
}

int ms_store_cursor_names(struct ms_store *store, struct ms_names *out, struct ms_err *err) {
    int code = ms_store_enter(store, NULL, NULL, err);
    return code < 0 ? code : ms_meta_cursor_names(&store->meta, out, err);
}

/* ---- who delivers ----------------------------------------------------------------------------*/

int ms_store_deliver(struct ms_store *store, int *fd, struct ms_err *err) {
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code < 0)
        return code;
    ms_auto_close int file =
        openat(store->place.root_fd, "delivery", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return ms_err_sys(err, errno, "open the store's delivery file");
    if (flock(file, LOCK_EX | LOCK_NB) == 0) {
        *fd = ms_take_fd(&file);
        return 1;
    }
    return errno == EWOULDBLOCK ? 0 : ms_err_sys(err, errno, "lock the store's delivery file");
}
