/* Pages of events. A page is copied or encoded while its rows are read, and shown to Lua behind
 * that: nothing of SQLite's is held where Lua may raise. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "base/wire.h"
#include "bind/args.h"
#include "bind/event.h"
#include "bind/failure.h"
#include "bind/push.h"
#include "bind/store.h"
#include "engine/meta/labels.h"
#include "engine/store/events.h"

#define LIMIT_MAX 100000
#define PAGE_BYTES (128 * 1024) /* a page is closed by the event that passes this */

/* The arguments of a page, and what it becomes. */
struct page {
    struct ms_event_query query;
    int64_t since;
    char id[MS_STORE_ID_SIZE];
    struct ms_text text;
    struct ms_text events; /* of struct ms_event; their bytes follow each other in text */
    int64_t count;
    int64_t second; /* what stamp says */
    char stamp[24];
};

static void clear_page(void *bytes) {
    struct page *page = bytes;
    ms_text_clear(&page->text);
    ms_text_clear(&page->events);
}

/* Reads (since, limit, ns, filter) and one page; answers events looked at, or a negative kind. */
static int read_page(lua_State *L, struct page **out, ms_event_visit *visit, struct ms_err *err) {
    struct ms_store *store = ms_store_check_arg(L);
    lua_settop(L, 5);
    struct page *page = ms_scratch_new(L, sizeof *page, clear_page);
    *out = page;
    page->since = luaL_checkinteger(L, 2);
    page->query.limit = luaL_checkinteger(L, 3);
    luaL_argcheck(L, page->query.limit > 0 && page->query.limit <= LIMIT_MAX, 3, "1 to 100000");
    page->query.filter = ms_filter_arg(L, 5);
    int code = MS_OK;
    if (!lua_isnil(L, 4)) {
        page->query.ns = ms_arg_key(L, 4, "namespace", err);
        code = page->query.ns != NULL ? MS_OK : MS_INVALID_ARGUMENT;
    }
    if (code == MS_OK)
        code = ms_store_id(store, page->id, err);
    if (code == MS_OK)
        code = ms_store_events(store, &page->query, &page->since, visit, page, err);
    if (code >= 0 && (ms_text_check(&page->text, err) < 0 || ms_text_check(&page->events, err) < 0))
        code = MS_RESOURCE_EXHAUSTED;
    return code;
}

static bool is_lost(const struct ms_event *event) { return event->to != 0; }

/* Pushes what follows the page: the number of the last event looked at, and whether there may be
 * more. */
static int push_place(lua_State *L, const struct page *page, int looked_at) {
    lua_pushinteger(L, page->since);
    lua_pushboolean(L, looked_at > 0);
    return 3;
}

/* ---- tables ----------------------------------------------------------------------------------*/

static bool keep_event(void *context, const struct ms_event *event) {
    struct page *page = context;
    const struct ms_span spans[] = {event->topic,  event->ns,     event->key, event->name,
                                    event->parent, event->labels, event->data};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        ms_text_append(&page->text, spans[i].bytes, spans[i].size);
    ms_text_append(&page->events, event, sizeof *event);
    page->count++;
    return page->text.size < PAGE_BYTES && !page->text.failed && !page->events.failed;
}

/* Sets a field to the next size bytes of *at. */
static void set_next(lua_State *L, const char *name, const char **at, struct ms_span span) {
    lua_pushlstring(L, *at, span.size);
    lua_setfield(L, -2, name);
    *at += span.size;
}

static void set_labels(lua_State *L, const char *bytes, size_t size) {
    struct ms_wire_in in = {.at = (const uint8_t *)bytes, .end = (const uint8_t *)bytes + size};
    struct ms_label_span label;
    struct ms_err ignored;
    lua_newtable(L);
    while (size != 0 && ms_labels_next(&in, &label, &ignored) == 1) {
        lua_pushlstring(L, label.name, label.name_size);
        lua_pushlstring(L, label.value, label.value_size);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "labels");
}

static void push_event(lua_State *L, const struct page *page, const struct ms_event *event,
                       const char **at) {
    char cursor[MS_STORE_ID_SIZE + 24];
    (void)snprintf(cursor, sizeof cursor, "%s-%" PRId64, page->id, event->sequence);
    lua_createtable(L, 0, 12);
    ms_set_integer(L, "sequence", event->sequence);
    ms_set_string(L, "cursor", cursor);
    ms_set_integer(L, "at", event->at_ns);
    ms_set_integer(L, "number", event->number);
    set_next(L, "topic", at, event->topic);
    set_next(L, "namespace", at, event->ns);
    set_next(L, "key", at, event->key);
    set_next(L, "name", at, event->name);
    set_next(L, "parent", at, event->parent);
    set_labels(L, *at, event->labels.size);
    *at += event->labels.size;
    if (event->data.size != 0)
        set_next(L, "data", at, event->data);
    if (is_lost(event)) {
        ms_set_integer(L, "from", event->from);
        ms_set_integer(L, "to", event->to);
    }
}

/* events(since, limit, ns, filter) -> list, since, more: of the first limit events behind since, or
 * fewer where they are large, those that are asked for; data is JSON text. ns and filter may be
 * nil. */
static int events(lua_State *L) {
    struct ms_err err;
    struct page *page;
    int looked_at = read_page(L, &page, keep_event, &err);
    if (looked_at < 0)
        return ms_failure(L, &err);
    const struct ms_event *all = (const void *)page->events.bytes;
    const char *at = page->text.bytes;
    luaL_checkstack(L, 8, NULL);
    lua_createtable(L, (int)page->count, 0);
    for (int64_t i = 0; i < page->count; i++) {
        push_event(L, page, &all[i], &at);
        lua_rawseti(L, -2, i + 1);
    }
    return push_place(L, page, looked_at);
}

/* ---- JSON ------------------------------------------------------------------------------------*/

static void put_integer(struct ms_text *text, const char *front, int64_t value) {
    ms_text_puts(text, front);
    ms_text_number(text, (unsigned long long)value);
}

static void put_string(struct ms_text *text, const char *front, struct ms_span span) {
    ms_text_puts(text, front);
    ms_json_string(text, span.bytes, span.size);
}

/* RFC 3339, with all nine digits. */
static void put_time(struct page *page, int64_t at_ns) {
    char digits[16];
    time_t second = (time_t)(at_ns / 1000000000);
    struct tm parts;
    if (page->second != second || page->stamp[0] == '\0') {
        (void)gmtime_r(&second, &parts);
        (void)strftime(page->stamp, sizeof page->stamp, "%Y-%m-%dT%H:%M:%S", &parts);
        page->second = second;
    }
    (void)snprintf(digits, sizeof digits, ".%09dZ\"", (int)(at_ns % 1000000000));
    ms_text_puts(&page->text, ",\"time\":\"");
    ms_text_puts(&page->text, page->stamp);
    ms_text_puts(&page->text, digits);
}

static void put_labels(struct ms_text *text, struct ms_span labels) {
    struct ms_wire_in in = {.at = (const uint8_t *)labels.bytes,
                            .end = (const uint8_t *)labels.bytes + labels.size};
    struct ms_label_span label;
    struct ms_err ignored;
    const char *before = "";
    ms_text_puts(text, ",\"labels\":{");
    while (labels.size != 0 && ms_labels_next(&in, &label, &ignored) == 1) {
        put_string(text, before, (struct ms_span){label.name, label.name_size});
        put_string(text, ":", (struct ms_span){label.value, label.value_size});
        before = ",";
    }
    ms_text_puts(text, "}");
}

/* JSON as it was given, on one line: what breaks lines is not within its strings. */
static void put_data(struct ms_text *text, struct ms_span data) {
    size_t at = text->size;
    ms_text_append(text, data.bytes, data.size);
    for (; at < text->size; at++)
        if (text->bytes[at] == '\n' || text->bytes[at] == '\r')
            text->bytes[at] = ' ';
}

static bool put_line(void *context, const struct ms_event *event) {
    struct page *page = context;
    struct ms_text *text = &page->text;
    ms_text_puts(text, page->count++ == 0 ? "{\"cursor\":\"" : "\n{\"cursor\":\"");
    ms_text_puts(text, page->id);
    put_integer(text, "-", event->sequence);
    put_integer(text, "\",\"sequence\":", event->sequence);
    put_integer(text, ",\"at\":", event->at_ns);
    put_time(page, event->at_ns);
    put_string(text, ",\"topic\":", event->topic);
    if (is_lost(event)) {
        put_integer(text, ",\"from\":", event->from);
        put_integer(text, ",\"to\":", event->to);
    } else {
        put_string(text, ",\"namespace\":", event->ns);
        put_string(text, ",\"key\":", event->key);
        put_string(text, ",\"name\":", event->name);
        put_string(text, ",\"parent\":", event->parent);
        put_integer(text, ",\"number\":", event->number);
        put_labels(text, event->labels);
    }
    if (event->data.size != 0) {
        ms_text_puts(text, ",\"data\":");
        put_data(text, event->data);
    }
    ms_text_puts(text, "}");
    return text->size < PAGE_BYTES && !text->failed;
}

/* event_lines(since, limit, ns, filter) -> text, since, more: the same as events, a JSON object a
 * line, a newline between two; "" for none. */
static int event_lines(lua_State *L) {
    struct ms_err err;
    struct page *page;
    int looked_at = read_page(L, &page, put_line, &err);
    if (looked_at < 0)
        return ms_failure(L, &err);
    lua_pushlstring(L, page->text.bytes != NULL ? page->text.bytes : "", page->text.size);
    return push_place(L, page, looked_at);
}

/* ---- messages --------------------------------------------------------------------------------*/

enum { CALL_EVENTS = 2 }; /* of moonsnap.v1.CallResponse */
enum {
    EVENT_SEQUENCE = 1,
    EVENT_AT,
    EVENT_TOPIC,
    EVENT_NAMESPACE,
    EVENT_KEY,
    EVENT_LABELS,
    EVENT_NAME,
    EVENT_PARENT,
    EVENT_NUMBER,
    EVENT_DATA,
    EVENT_FROM,
    EVENT_TO,
    EVENT_CURSOR,
};

static bool put_message(void *context, const struct ms_event *event) {
    _Static_assert((int)EVENT_LABELS == MS_LABELS_FIELD, "rows hold labels as Event has them");
    struct page *page = context;
    struct ms_text *text = &page->text;
    char cursor[MS_STORE_ID_SIZE + 24];
    int size = snprintf(cursor, sizeof cursor, "%s-%" PRId64, page->id, event->sequence);
    size_t begun = ms_wire_begin(text, CALL_EVENTS);
    ms_wire_put_integer(text, EVENT_SEQUENCE, (uint64_t)event->sequence);
    ms_wire_put_integer(text, EVENT_AT, (uint64_t)event->at_ns);
    ms_wire_put_bytes(text, EVENT_TOPIC, event->topic.bytes, event->topic.size);
    ms_wire_put_bytes(text, EVENT_NAMESPACE, event->ns.bytes, event->ns.size);
    ms_wire_put_bytes(text, EVENT_KEY, event->key.bytes, event->key.size);
    ms_text_append(text, event->labels.bytes, event->labels.size);
    ms_wire_put_bytes(text, EVENT_NAME, event->name.bytes, event->name.size);
    ms_wire_put_bytes(text, EVENT_PARENT, event->parent.bytes, event->parent.size);
    ms_wire_put_integer(text, EVENT_NUMBER, (uint64_t)event->number);
    ms_wire_put_bytes(text, EVENT_DATA, event->data.bytes, event->data.size);
    ms_wire_put_integer(text, EVENT_FROM, (uint64_t)event->from);
    ms_wire_put_integer(text, EVENT_TO, (uint64_t)event->to);
    ms_wire_put_bytes(text, EVENT_CURSOR, cursor, (size_t)size);
    ms_wire_end(text, begun);
    page->count++;
    return text->size < PAGE_BYTES && !text->failed;
}

/* event_message(since, limit, ns, filter) -> bytes, since, more: the same as a CallResponse with
 * events; "" for none. */
static int event_message(lua_State *L) {
    struct ms_err err;
    struct page *page;
    int looked_at = read_page(L, &page, put_message, &err);
    if (looked_at < 0)
        return ms_failure(L, &err);
    lua_pushlstring(L, page->text.bytes != NULL ? page->text.bytes : "", page->text.size);
    return push_place(L, page, looked_at);
}

/* last_event() -> the sequence number of the newest event, 0 for none */
static int last_event(lua_State *L) {
    struct ms_err err;
    int64_t sequence = 0;
    if (ms_store_last_event(ms_store_check_arg(L), &sequence, &err) < 0)
        return ms_failure(L, &err);
    lua_pushinteger(L, sequence);
    return 1;
}

const luaL_Reg ms_event_verbs[] = {{"events", events},
                                   {"event_lines", event_lines},
                                   {"event_message", event_message},
                                   {"last_event", last_event},
                                   {NULL, NULL}};
