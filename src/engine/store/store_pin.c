#include "engine/store/store_pin.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/clock.h"
#include "engine/meta/meta_pin.h"
#include "engine/store/store_inside.h"

int ms_store_refuse_pinned(struct ms_store *store, int64_t number, const char *doing,
                           struct ms_err *err) {
    ms_auto_pin struct ms_pin pin = {0};
    ms_auto_text struct ms_text text = {0};
    int code = ms_meta_find_pin(&store->meta, number, &pin, err);
    if (code <= 0 || !ms_pin_holds(&pin, ms_clock_now_ns()))
        return code < 0 ? code : MS_OK;
    ms_pin_describe(&pin, &text);
    code = ms_text_check(&text, err);
    if (code < 0)
        return code;
    return ms_err_set(err, MS_FAILED_PRECONDITION,
                      "cannot %s a snapshot that is %s; unpin it first", doing, text.bytes);
}

static int add_event(struct ms_store *store, const char *topic, const char *ns, int64_t number,
                     const char *key, struct ms_err *err) {
    struct ms_new_event event = {.topic = topic, .ns = ns, .number = number, .key = key};
    return ms_meta_add_event(&store->meta, &event, err);
}

static int check_pin(const char *reason, int64_t until_ns, struct ms_err *err) {
    if (until_ns < 0)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "a pin ends after 1970");
    if (strlen(reason) > MS_REASON_MAX || !ms_utf8_valid(reason, strlen(reason)))
        return ms_err_set(err, MS_INVALID_ARGUMENT, "a reason is UTF-8 of at most %d bytes",
                          MS_REASON_MAX);
    return MS_OK;
}

int ms_store_pin(struct ms_store *store, const char *ns, const char *key, const char *reason,
                 int64_t until_ns, struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    struct ms_pin pin = {.reason = (char *)(reason != NULL ? reason : ""), /* borrowed */
                         .created_ns = ms_clock_now_ns(),
                         .until_ns = until_ns};
    int code = ms_store_enter(store, ns, key, err);
    if (code == MS_OK)
        code = check_pin(pin.reason, until_ns, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code < 0)
        return ms_err_wrap(err, "pin '%.60s'", key);
    code = ms_meta_find(&store->meta, ns, key, &row, err);
    pin.number = row.number;
    if (code == MS_OK)
        code = ms_meta_pin(&store->meta, &pin, err);
    if (code == MS_OK)
        code = add_event(store, "/moonsnap/pin", ns, row.number, key, err);
    code = ms_store_end(store, code, err);
    return code < 0 ? ms_err_wrap(err, "pin '%.60s'", key) : MS_OK;
}

int ms_store_unpin(struct ms_store *store, const char *ns, const char *key, struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    int code = ms_store_enter(store, ns, key, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code < 0)
        return ms_err_wrap(err, "unpin '%.60s'", key);
    code = ms_meta_find(&store->meta, ns, key, &row, err);
    if (code == MS_OK)
        code = ms_meta_unpin(&store->meta, row.number, err);
    if (code == 0)
        code = ms_err_set(err, MS_NOT_FOUND, "it is not pinned");
    if (code == 1)
        code = add_event(store, "/moonsnap/unpin", ns, row.number, key, err);
    code = ms_store_end(store, code, err);
    return code < 0 ? ms_err_wrap(err, "unpin '%.60s'", key) : MS_OK;
}

int ms_store_pins(struct ms_store *store, const char *ns, struct ms_pins *out, struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    return code < 0 ? code : ms_meta_pins(&store->meta, ns, out, err);
}
