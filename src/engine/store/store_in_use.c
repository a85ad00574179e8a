#include <string.h>

#include "base/err.h"
#include "base/own.h"
#include "base/text.h"
#include "engine/store/store_inside.h"
#include "engine/store/survey.h"

void ms_in_use_clear(struct ms_in_use *in_use) {
    ms_ids_clear(&in_use->sure);
    ms_ids_clear(&in_use->maybe);
    *in_use = (struct ms_in_use){0};
}

static bool has(const struct ms_ids *ids, int64_t number) {
    for (size_t i = 0; i < ids->count; i++) {
        if (ids->items[i] == number)
            return true;
    }
    return false;
}

bool ms_in_use_has(const struct ms_in_use *in_use, int64_t number) {
    return has(&in_use->sure, number) || has(&in_use->maybe, number);
}

/* An overlay has a line for each that mounted it: runs of one number are kept once. */
static int visit(void *context, int64_t number, bool sure, struct ms_err *err) {
    struct ms_in_use *in_use = context;
    struct ms_ids *ids = sure ? &in_use->sure : &in_use->maybe;
    if (ids->count != 0 && ids->items[ids->count - 1] == number)
        return MS_OK;
    return ms_ids_add(ids, number, err);
}

int ms_store_in_use(struct ms_store *store, struct ms_in_use *out, struct ms_err *err) {
    struct ms_in_use in_use = {0};
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code < 0)
        return code;
    ms_auto_free char *layers = ms_place_path(&store->place, "layers");
    if (layers == NULL)
        return ms_err_memory(err);
    code = ms_in_use_scan(layers, visit, &in_use, &in_use.gaps, err);
    if (code < 0) {
        ms_in_use_clear(&in_use);
        return ms_err_wrap(err, "look for mounted layers");
    }
    *out = in_use;
    return MS_OK;
}

/* ---- tenants ---------------------------------------------------------------------------------*/

static void tenant_name(struct ms_text *name, const char *ns) {
    ms_text_puts(name, "tenant:");
    ms_text_puts(name, ns);
}

int ms_store_tenant(struct ms_store *store, const char *ns, char **out, struct ms_err *err) {
    ms_auto_text struct ms_text name = {0};
    ms_auto_free char *tenant = NULL;
    tenant_name(&name, ns);
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_text_check(&name, err);
    if (code == MS_OK)
        code = ms_meta_setting(&store->meta, name.bytes, &tenant, err);
    if (code < 0)
        return code;
    *out = tenant != NULL && *tenant != '\0' ? ms_take_ptr(&tenant) : NULL;
    return MS_OK;
}

int ms_store_set_tenant(struct ms_store *store, const char *ns, const char *tenant,
                        struct ms_err *err) {
    ms_auto_text struct ms_text name = {0};
    const char *value = tenant != NULL ? tenant : "";
    tenant_name(&name, ns);
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = ms_text_check(&name, err);
    if (code == MS_OK && *value != '\0')
        code = ms_key_check("tenant", value, strlen(value), err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    code = ms_meta_set(&store->meta, name.bytes, value, err);
    return ms_store_end(store, code, err);
}
