#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/meta/labels.h"
#include "engine/store/pages.h"
#include "engine/store/store_inside.h"

struct ms_pages {
    struct ms_store *store;
    char *ns;
    struct ms_walk *walk; /* with a filter, else NULL */
    struct ms_text labels;
    int64_t after;
};

void ms_pages_free(struct ms_pages *pages) {
    if (pages == NULL)
        return;
    ms_walk_free(pages->walk);
    ms_text_clear(&pages->labels);
    free(pages->ns);
    free(pages);
}

int ms_store_one(struct ms_store *store, const char *ns, const char *key, ms_brief_visit *visit,
                 void *context, struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    return code < 0 ? code : ms_meta_one(&store->meta, ns, key, visit, context, err);
}

int ms_store_pages(struct ms_store *store, const char *ns, const struct ms_filter *filter,
                   struct ms_pages **out, struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    if (code < 0)
        return code;
    struct ms_pages *pages = calloc(1, sizeof *pages);
    if (pages == NULL)
        return ms_err_memory(err);
    pages->store = store;
    pages->ns = strdup(ns);
    if (pages->ns == NULL)
        code = ms_err_memory(err);
    if (code == MS_OK && filter != NULL)
        code = ms_store_walk(store, ns, filter, &pages->walk, err);
    if (code < 0) {
        ms_pages_free(pages);
        return code;
    }
    *out = pages;
    return MS_OK;
}

static struct ms_span span_of(const char *text) {
    return (struct ms_span){.bytes = text, .size = strlen(text)};
}

/* Shows what a filter let through as it would stand in its row. */
static int show(struct ms_pages *pages, const struct ms_info *info, ms_brief_visit *visit,
                void *context, struct ms_err *err) {
    pages->labels.size = 0;
    int code = ms_labels_encode(&info->labels, &pages->labels, err);
    if (code < 0)
        return code;
    const struct ms_brief brief = {
        .number = info->number,
        .name = span_of(info->name),
        .parent = span_of(info->parent),
        .kind = info->kind,
        .created_ns = info->created_ns,
        .updated_ns = info->updated_ns,
        .labels = {.bytes = pages->labels.bytes, .size = pages->labels.size},
    };
    return visit(context, &brief) ? 1 : 0;
}

static int next_filtered(struct ms_pages *pages, ms_brief_visit *visit, void *context,
                         struct ms_err *err) {
    for (int count = 0;; count++) {
        ms_auto_info struct ms_info info = {0};
        if (count == MS_PAGE)
            return count;
        int code = ms_walk_next(pages->walk, &info, err);
        if (code <= 0)
            return code < 0 ? code : count;
        code = show(pages, &info, visit, context, err);
        if (code <= 0)
            return code < 0 ? code : count + 1;
    }
}

int ms_pages_next(struct ms_pages *pages, ms_brief_visit *visit, void *context,
                  struct ms_err *err) {
    int code = ms_store_enter(pages->store, NULL, NULL, err);
    if (code < 0)
        return code;
    if (pages->walk != NULL)
        return next_filtered(pages, visit, context, err);
    return ms_meta_each(&pages->store->meta, pages->ns, &pages->after, visit, context, err);
}
