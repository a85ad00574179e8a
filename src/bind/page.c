/* Messages straight from the rows, no Lua table is built: of containerd.services.snapshots.v1
 * ListSnapshotsResponse and StatSnapshotResponse, whose field 1 is an Info, and MountsResponse. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/wire.h"
#include "bind/args.h"
#include "bind/failure.h"
#include "bind/rpc.h"
#include "bind/store.h"
#include "engine/meta/labels.h"
#include "engine/store/pages.h"
#include "engine/store/store.h"

#define MESSAGE_BYTES (64 * 1024) /* a message is closed by the info that passes this */
#define UPPERDIR "containerd.io/snapshot/overlay.upperdir"

enum { LIST_INFO = 1 };
enum { MOUNTS_MOUNT = 1 };
enum { MOUNT_TYPE = 1, MOUNT_SOURCE, MOUNT_TARGET, MOUNT_OPTIONS };
enum { INFO_NAME = 1, INFO_PARENT, INFO_KIND, INFO_CREATED, INFO_UPDATED, INFO_LABELS };

struct page_object {
    struct ms_pages *pages;
    struct ms_text *text; /* where infos go: own, or a call's */
    struct ms_text own;
    struct ms_text upperdir; /* what the label upperdir starts with; empty for none */
    size_t upperdir_size;
};

static void free_page_object(void *object) {
    struct page_object *self = object;
    ms_pages_free(self->pages);
    ms_text_clear(&self->own);
    ms_text_clear(&self->upperdir);
    free(self);
}

static const struct ms_class pages_class = {
    .name = "moonsnap.core.pages", .word = "pages", .free = free_page_object};

static void put_upperdir(struct page_object *self, int64_t number) {
    self->upperdir.size = self->upperdir_size;
    ms_text_number(&self->upperdir, (unsigned long long)number);
    ms_wire_put_entry(self->text, INFO_LABELS, UPPERDIR, sizeof UPPERDIR - 1, self->upperdir.bytes,
                      self->upperdir.size);
}

static bool put_info(void *context, const struct ms_brief *brief) {
    struct page_object *self = context;
    struct ms_text *text = self->text;
    size_t begun = ms_wire_begin(text, LIST_INFO);
    ms_wire_put_bytes(text, INFO_NAME, brief->name.bytes, brief->name.size);
    ms_wire_put_bytes(text, INFO_PARENT, brief->parent.bytes, brief->parent.size);
    ms_wire_put_integer(text, INFO_KIND, (uint64_t)brief->kind);
    ms_wire_put_time(text, INFO_CREATED, brief->created_ns);
    ms_wire_put_time(text, INFO_UPDATED, brief->updated_ns);
    ms_text_append(text, brief->labels.bytes, brief->labels.size); /* INFO_LABELS already */
    if (self->upperdir_size != 0)
        put_upperdir(self, brief->number);
    ms_wire_end(text, begun);
    return text->size < MESSAGE_BYTES;
}

/* pages(ns, filter, upperdir) -> pages; upperdir is what the path of each upper directory starts
 * with, its number following; nil leaves that label out */
static int open_pages(lua_State *L) {
    _Static_assert((int)INFO_LABELS == MS_LABELS_FIELD, "rows hold labels as Info has them");
    struct ms_err err;
    lua_settop(L, 4);
    struct ms_store *store = ms_store_check_arg(L);
    const struct ms_filter *filter = ms_filter_arg(L, 3);
    const char *upperdir = luaL_optstring(L, 4, "");
    const char *ns = ms_arg_key(L, 2, "namespace", &err);
    if (ns == NULL)
        return ms_failure(L, &err);
    struct ms_box *box = ms_box_new(L, &pages_class, 1);
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, -2, 2); /* the walk borrows the filter */
    struct page_object *self = calloc(1, sizeof *self);
    if (self == NULL) {
        (void)ms_err_memory(&err);
        return ms_failure(L, &err);
    }
    ms_box_fill(box, self);
    ms_text_puts(&self->upperdir, upperdir);
    self->upperdir_size = self->upperdir.size;
    if (ms_text_check(&self->upperdir, &err) < 0 ||
        ms_store_pages(store, ns, filter, &self->pages, &err) < 0)
        return ms_failure(L, &err);
    return 1;
}

/* Appends the next message to text; raises. False at the end. */
static bool put_next(lua_State *L, struct page_object *self, struct ms_text *text) {
    struct ms_err err;
    self->text = text;
    int count = ms_pages_next(self->pages, put_info, self, &err);
    if (count > 0)
        count = ms_text_check(text, &err) < 0 ? err.kind : count;
    if (count < 0)
        (void)ms_failure_raise(L, &err);
    return count != 0;
}

/* pages:next() -> bytes of the next message; nothing at the end */
static int next(lua_State *L) {
    struct page_object *self = ms_box_check(L, 1, &pages_class);
    self->own.size = 0;
    if (!put_next(L, self, &self->own))
        return 0;
    lua_pushlstring(L, self->own.bytes, self->own.size);
    ms_text_clear(&self->own);
    return 1;
}

/* pages:send(call) -> true, and the next message is queued; false at the end, or the call's */
static int send_next(lua_State *L) {
    struct page_object *self = ms_box_check(L, 1, &pages_class);
    struct ms_text *text = ms_rpc_call_begin(L, 2);
    bool more = text != NULL && put_next(L, self, text);
    if (more)
        ms_rpc_call_send(L, 2);
    lua_pushboolean(L, more);
    return 1;
}

/* ---- single messages -------------------------------------------------------------------------*/

/* What one message is written into: kept from call to call, since a quick call would spend a tenth
 * of its time on memory of its own. Between calls it holds nothing that matters. */
struct single {
    struct page_object page; /* without pages */
    struct ms_mounts mounts;
};

#define KEPT_BYTES 16384

static const char single_key; /* its address is the registry's key */

static struct single *begin_single(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &single_key);
    struct single *single = lua_touserdata(L, -1);
    struct page_object *page = &single->page;
    lua_pop(L, 1);
    if (page->own.room > KEPT_BYTES)
        ms_text_clear(&page->own);
    if (page->upperdir.room > KEPT_BYTES)
        ms_text_clear(&page->upperdir);
    page->own.size = page->upperdir.size = 0;
    page->own.failed = page->upperdir.failed = false;
    page->text = &page->own;
    return single;
}

static int single_gc(lua_State *L) {
    struct single *single = lua_touserdata(L, 1);
    ms_text_clear(&single->page.own);
    ms_text_clear(&single->page.upperdir);
    return 0;
}

/* The functions below get it by a key of the registry. */
static void single_setup(lua_State *L) {
    struct single *single = lua_newuserdatauv(L, sizeof *single, 0);
    memset(single, 0, sizeof *single);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, single_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &single_key);
}

/* stat_message(ns, key, upperdir) -> a StatSnapshotResponse, whose info is where List has its */
static int stat_message(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    lua_settop(L, 4);
    struct ms_store *store = ms_store_check_arg(L);
    const char *upperdir = luaL_optstring(L, 4, "");
    struct page_object *page = &begin_single(L)->page;
    ms_text_puts(&page->upperdir, upperdir);
    page->upperdir_size = page->upperdir.size;
    if (ms_arg_place(L, &place, &err) < 0 || ms_text_check(&page->upperdir, &err) < 0 ||
        ms_store_one(store, place.ns, place.key, put_info, page, &err) < 0 ||
        ms_text_check(&page->own, &err) < 0)
        return ms_failure(L, &err);
    lua_pushlstring(L, page->own.bytes, page->own.size);
    return 1;
}

static void put_string(struct ms_text *text, uint32_t number, const char *string) {
    ms_wire_put_bytes(text, number, string, strlen(string));
}

static void put_mount(struct ms_text *text, const struct ms_mount *mount) {
    size_t begun = ms_wire_begin(text, MOUNTS_MOUNT);
    put_string(text, MOUNT_TYPE, mount->type);
    put_string(text, MOUNT_SOURCE, mount->source);
    put_string(text, MOUNT_TARGET, mount->target);
    for (size_t i = 0; i < mount->options_count; i++)
        ms_wire_put_element(text, MOUNT_OPTIONS, mount->options[i], strlen(mount->options[i]));
    ms_wire_end(text, begun);
}

/* mounts_message(ns, key) -> a MountsResponse */
static int mounts_message(lua_State *L) {
    struct ms_err err;
    struct ms_arg_place place;
    lua_settop(L, 3);
    struct ms_store *store = ms_store_check_arg(L);
    struct single *single = begin_single(L);
    struct ms_text *text = &single->page.own;
    if (ms_arg_place(L, &place, &err) < 0 ||
        ms_store_mounts(store, place.ns, place.key, &single->mounts, &err) < 0)
        return ms_failure(L, &err);
    for (size_t i = 0; i < single->mounts.count; i++)
        put_mount(text, &single->mounts.items[i]);
    ms_mounts_clear(&single->mounts);
    if (ms_text_check(text, &err) < 0)
        return ms_failure(L, &err);
    lua_pushlstring(L, text->bytes, text->size);
    return 1;
}

const luaL_Reg ms_page_verbs[] = {{"pages", open_pages},
                                  {"stat_message", stat_message},
                                  {"mounts_message", mounts_message},
                                  {NULL, NULL}};

void ms_page_setup(lua_State *L) {
    static const luaL_Reg methods[] = {{"next", next}, {"send", send_next}, {NULL, NULL}};
    ms_class_register(L, &pages_class, methods);
    single_setup(L);
}
