#include "engine/store/store_pin.h"

#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/clock.h"
#include "engine/meta/meta_event.h"
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

/* {"reason":"release 1.4","until":1798761600000000000}; until is missing for a pin without end. */
static void describe_data(const struct ms_pin *pin, struct ms_text *out) {
    ms_text_puts(out, "{\"reason\":");
    ms_json_string(out, pin->reason, strlen(pin->reason));
    if (pin->until_ns != 0)
        ms_text_printf(out, ",\"until\":%lld", (long long)pin->until_ns);
    ms_text_puts(out, "}");
}

/* pin->key and pin->number say which; without a reason it is unpinned. */
static int add_event(struct ms_store *store, const char *ns, const struct ms_pin *pin,
                     struct ms_err *err) {
    ms_auto_text struct ms_text data = {0};
    struct ms_new_event event = {
        .topic = "/moonsnap/unpin", .ns = ns, .number = pin->number, .key = pin->key};
    if (pin->reason != NULL) {
        describe_data(pin, &data);
        event.topic = "/moonsnap/pin";
    }
    int code = ms_text_check(&data, err);
    event.data = data.bytes;
    return code < 0 ? code : ms_meta_add_event(&store->meta, &event, err);
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
    struct ms_pin pin = {.key = (char *)key, /* borrowed, both */
                         .reason = (char *)(reason != NULL ? reason : ""),
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
        code = add_event(store, ns, &pin, err);
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
    const struct ms_pin gone = {.key = (char *)key, .number = row.number}; /* only read */
    if (code == 1)
        code = add_event(store, ns, &gone, err);
    code = ms_store_end(store, code, err);
    return code < 0 ? ms_err_wrap(err, "unpin '%.60s'", key) : MS_OK;
}

int ms_store_pins(struct ms_store *store, const char *ns, struct ms_pins *out, struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    return code < 0 ? code : ms_meta_pins(&store->meta, ns, out, err);
}
