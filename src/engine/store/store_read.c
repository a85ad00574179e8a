#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/own.h"
#include "base/text.h"
#include "engine/clock.h"
#include "engine/filter/filter.h"
#include "engine/layer/usage.h"
#include "engine/store/store_inside.h"

int ms_store_stat(struct ms_store *store, const char *ns, const char *key, struct ms_info *out,
                  struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    return code < 0 ? code : ms_meta_info(&store->meta, ns, key, out, err);
}

int ms_store_touch(struct ms_store *store, const char *ns, const char *key, struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    code = ms_meta_find(&store->meta, ns, key, &row, err);
    if (code == MS_OK)
        code = ms_meta_touch(&store->meta, row.number, ms_clock_now_ns(), err);
    return ms_store_end(store, code, err);
}

/* ---- update -------------------------------------------------------------------------------- */

/* Applies one field mask path: "labels" or "labels.NAME", NAME being all behind the first dot. */
static int apply_path(struct ms_labels *labels, const struct ms_labels *wanted, const char *path,
                      struct ms_err *err) {
    if (strcmp(path, "labels") == 0) {
        ms_labels_clear(labels);
        for (size_t i = 0; i < wanted->count; i++) {
            int code = ms_labels_set(labels, wanted->items[i].name, wanted->items[i].value, err);
            if (code < 0)
                return code;
        }
        return MS_OK;
    }
    if (strncmp(path, "labels.", 7) != 0)
        return ms_err_set(err, MS_INVALID_ARGUMENT,
                          "field '%.80s' cannot be updated: only labels can, as \"labels\" or "
                          "\"labels.NAME\"",
                          path);
    const char *value = ms_labels_find(wanted, path + 7);
    if (value == NULL && ms_labels_find(labels, path + 7) == NULL)
        return MS_OK;
    return ms_labels_set(labels, path + 7, value != NULL ? value : "", err);
}

int ms_store_apply_mask(struct ms_labels *labels, const struct ms_labels *wanted,
                        const struct ms_fieldmask *mask, struct ms_err *err) {
    int code = mask->count == 0 ? apply_path(labels, wanted, "labels", err) : MS_OK;
    for (size_t i = 0; code == MS_OK && i < mask->count; i++)
        code = apply_path(labels, wanted, mask->paths[i], err);
    return code;
}

/* Appends name: value as in an object that begins with a brace; a NULL is null. */
static void put_member(struct ms_text *out, const char *name, const char *value) {
    if (out->bytes[out->size - 1] != '{')
        ms_text_puts(out, ",");
    ms_json_string(out, name, strlen(name));
    ms_text_puts(out, ":");
    if (value != NULL)
        ms_json_string(out, value, strlen(value));
    else
        ms_text_puts(out, "null");
}

/* {"was":{NAME:VALUE}}: what the labels that change were before; null for a new one. */
static void put_before(const struct ms_labels *before, const struct ms_labels *after,
                       struct ms_text *out) {
    ms_text_puts(out, "{\"was\":{");
    for (size_t i = 0; !out->failed && i < before->count; i++) {
        const struct ms_label *was = &before->items[i];
        const char *is = ms_labels_find(after, was->name);
        if (is == NULL || strcmp(is, was->value) != 0)
            put_member(out, was->name, was->value);
    }
    for (size_t i = 0; !out->failed && i < after->count; i++) {
        const struct ms_label *is = &after->items[i];
        if (is->value[0] != '\0' && ms_labels_find(before, is->name) == NULL)
            put_member(out, is->name, NULL);
    }
    ms_text_puts(out, "}}");
}

static int update_inside(struct ms_store *store, const char *ns, const struct ms_info *info,
                         const struct ms_fieldmask *mask, struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    ms_auto_labels struct ms_labels labels = {0};
    ms_auto_labels struct ms_labels before = {0};
    ms_auto_text struct ms_text data = {0};
    int code = ms_meta_find_labels(&store->meta, ns, info->name, &row, &labels, err);
    if (code == MS_OK)
        code = ms_meta_labels(&store->meta, row.number, &before, err);
    if (code == MS_OK)
        code = ms_store_apply_mask(&labels, &info->labels, mask, err);
    if (code == MS_OK)
        code = ms_store_check_labels(&labels, err);
    if (code == MS_OK)
        code = ms_meta_set_labels(&store->meta, row.number, &labels, err);
    if (code == MS_OK)
        code = ms_meta_set_updated(&store->meta, row.number, ms_clock_now_ns(), err);
    if (code == MS_OK) {
        put_before(&before, &labels, &data);
        code = ms_text_check(&data, err);
    }
    const struct ms_new_event event = {.topic = "/moonsnap/update",
                                       .ns = ns,
                                       .number = row.number,
                                       .key = info->name,
                                       .data = data.bytes};
    if (code == MS_OK)
        code = ms_meta_add_event(&store->meta, &event, err);
    if (code == MS_OK)
        code = ms_undo_reserve(&store->undo, err);
    if (code == MS_OK && row.kind == MS_KIND_COMMITTED)
        ms_undo_add(&store->undo, MS_AFTER_MARK, row.number);
    return code;
}

int ms_store_update(struct ms_store *store, const char *ns, const struct ms_info *info,
                    const struct ms_fieldmask *mask, struct ms_info *out, struct ms_err *err) {
    ms_auto_info struct ms_info result = {0};
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK) {
        code = update_inside(store, ns, info, mask, err);
        if (code == MS_OK)
            code = ms_meta_info(&store->meta, ns, info->name, &result, err);
        code = ms_store_end(store, code, err);
    }
    if (code < 0)
        return ms_err_wrap(err, "update '%.60s'", info->name);
    if (out != NULL) {
        *out = result;
        result = (struct ms_info){0};
    }
    return MS_OK;
}

/* ---- walk ---------------------------------------------------------------------------------- */

struct ms_walk {
    struct ms_store *store;
    const struct ms_filter *filter;
    char *ns;
    bool started;
    bool indexed; /* ids holds all candidates; else the walk reads every page */
    struct ms_ids ids;
    size_t ids_read;
    int64_t after; /* the number that the last page ended with */
    struct ms_page page;
    size_t next; /* in page */
    bool ended;
};

static void clear_page(struct ms_walk *walk) {
    for (size_t i = 0; i < walk->page.count; i++)
        ms_info_clear(&walk->page.infos[i]);
    walk->page.count = 0;
    walk->next = 0;
}

void ms_walk_free(struct ms_walk *walk) {
    if (walk == NULL)
        return;
    clear_page(walk);
    ms_ids_clear(&walk->ids);
    free(walk->ns);
    free(walk);
}

int ms_store_walk(struct ms_store *store, const char *ns, const struct ms_filter *filter,
                  struct ms_walk **out, struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    if (code < 0)
        return code;
    struct ms_walk *walk = calloc(1, sizeof *walk);
    char *copy = strdup(ns);
    if (walk == NULL || copy == NULL) {
        free(walk);
        free(copy);
        return ms_err_memory(err);
    }
    walk->store = store;
    walk->filter = filter;
    walk->ns = copy;
    *out = walk;
    return MS_OK;
}

static int load_indexed(struct ms_walk *walk, struct ms_err *err) {
    int code =
        ms_meta_infos(&walk->store->meta, walk->ns, &walk->ids, walk->ids_read, &walk->page, err);
    walk->ids_read += MS_PAGE;
    walk->ended = walk->ids_read >= walk->ids.count;
    return code;
}

static int load_page(struct ms_walk *walk, struct ms_err *err) {
    struct ms_meta *meta = &walk->store->meta;
    clear_page(walk);
    int code = ms_store_enter(walk->store, NULL, NULL, err);
    if (code == MS_OK && !walk->started) {
        code = ms_meta_ids(meta, walk->ns, walk->filter, &walk->ids, err);
        walk->indexed = code == 1;
        walk->started = code >= 0;
    }
    if (code < 0)
        return code;
    if (walk->indexed)
        return load_indexed(walk, err);
    code = ms_meta_page(meta, walk->ns, walk->after, &walk->page, err);
    walk->ended = walk->page.count < MS_PAGE;
    if (walk->page.count != 0)
        walk->after = walk->page.infos[walk->page.count - 1].number;
    return code;
}

int ms_walk_next(struct ms_walk *walk, struct ms_info *out, struct ms_err *err) {
    for (;;) {
        while (walk->next < walk->page.count) {
            struct ms_info *info = &walk->page.infos[walk->next++];
            if (walk->filter != NULL && !ms_filter_match(walk->filter, info))
                continue;
            *out = *info;
            *info = (struct ms_info){0};
            return 1;
        }
        if (walk->ended)
            return 0;
        int code = load_page(walk, err);
        if (code < 0)
            return code;
    }
}

int ms_store_explain(struct ms_store *store, const char *ns, const struct ms_filter *filter,
                     char **out, struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    return code < 0 ? code : ms_meta_explain(&store->meta, ns, filter, out, err);
}

/* ---- usage --------------------------------------------------------------------------------- */

struct ms_measure {
    int layer_fd;
    struct ms_usage_walk *walk; /* NULL: the usage is known already */
    struct ms_usage usage;
};

void ms_measure_free(struct ms_measure *measure) {
    if (measure == NULL)
        return;
    ms_usage_free(measure->walk);
    ms_own_close(&measure->layer_fd);
    free(measure);
}

void ms_measure_usage(const struct ms_measure *measure, struct ms_usage *out) {
    *out = measure->usage;
}

int ms_measure_step(struct ms_measure *measure, size_t budget, struct ms_err *err) {
    if (measure->walk == NULL)
        return 0;
    int code = ms_usage_step(measure->walk, budget, err);
    if (code >= 0)
        ms_usage_total(measure->walk, &measure->usage);
    return code;
}

int ms_store_usage_open(struct ms_store *store, const char *ns, const char *key,
                        struct ms_measure **out, struct ms_err *err) {
    ms_auto_row struct ms_row row = {0};
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_meta_find(&store->meta, ns, key, &row, err);
    if (code == MS_OK)
        code = ms_store_make_pending(store, err);
    if (code < 0)
        return code;
    struct ms_measure *measure = calloc(1, sizeof *measure);
    if (measure == NULL)
        return ms_err_memory(err);
    measure->layer_fd = -1;
    measure->usage = row.usage;
    if (row.kind == MS_KIND_ACTIVE) {
        code = ms_layer_open(&store->place, row.number, &measure->layer_fd, err);
        if (code == MS_OK)
            code = ms_usage_open(measure->layer_fd, &measure->walk, err);
    }
    if (code < 0) {
        ms_measure_free(measure);
        return ms_err_wrap(err, "usage of '%.60s'", key);
    }
    *out = measure;
    return MS_OK;
}
