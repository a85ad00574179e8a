
#include "base/err.h"
#include "engine/diff/diff.h"
#include "engine/store/store_inside.h"

static void clear_layers(struct ms_layers *layers) { ms_layers_clear(layers); }
#define auto_layers __attribute__((cleanup(clear_layers)))

/* What a native snapshot was copied from: its parent's tree. */
static int parent_layers(struct ms_store *store, const char *ns, const char *key,
                         struct ms_layers *out, struct ms_err *err) {
    ms_auto_info struct ms_info info = {0};
    int code = ms_store_stat(store, ns, key, &info, err);
    if (code < 0 || info.parent[0] == '\0')
        return code;
    return ms_store_layers(store, ns, info.parent, out, err);
}

int ms_store_diff(struct ms_store *store, const char *ns, const char *key, const char *other,
                  struct ms_diff **out, struct ms_err *err) {
    auto_layers struct ms_layers layers = {0};
    auto_layers struct ms_layers others = {0};
    struct ms_diff_request request = {.compare = other != NULL || !store->driver->stacks,
                                      .stacks = store->driver->stacks,
                                      .user_xattrs = store->user_xattrs};
    int code = ms_store_layers(store, ns, key, &layers, err);
    if (code == MS_OK && other != NULL)
        code = ms_store_layers(store, ns, other, &others, err);
    else if (code == MS_OK && request.compare && layers.own)
        code = parent_layers(store, ns, key, &others, err);
    if (code < 0)
        return ms_err_wrap(err, "diff of '%.60s'", key);
    request.layers = (const char *const *)layers.paths;
    request.layers_count = layers.count;
    request.others = (const char *const *)others.paths;
    request.others_count = others.count;
    if (other == NULL && !layers.own)
        request.layers_count = 0; /* a view has changed nothing */
    if (!request.compare && layers.own) {
        request.others = (const char *const *)layers.paths + 1;
        request.others_count = layers.count - 1;
    }
    return ms_diff_open(&request, out, err);
}
