/* The fields of a snapshot, as containerd's adaptor names them. */
#include <string.h>

#include "engine/filter/filter.h"
#include "engine/snapshot.h"

enum ms_field ms_filter_field(const struct ms_fieldpath *path) {
    static const struct {
        const char *name;
        enum ms_field field;
    } fields[] = {
        {"name", MS_FIELD_NAME},
        {"parent", MS_FIELD_PARENT},
        {"kind", MS_FIELD_KIND},
        {"labels", MS_FIELD_LABEL},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (ms_span_is(path->parts[0], fields[i].name))
            return fields[i].field;
    return MS_FIELD_NONE;
}

static bool say(const char *string, struct ms_span *value) {
    if (string != NULL)
        *value = (struct ms_span){string, strlen(string)};
    return true;
}

static bool find_kind(int kind, struct ms_span *value) {
    if (kind != MS_KIND_ACTIVE && kind != MS_KIND_VIEW && kind != MS_KIND_COMMITTED)
        return false;
    return say(ms_snapshot_kind_name(kind), value);
}

static bool find_label(const struct ms_labels *labels, struct ms_span key, struct ms_span *value) {
    for (size_t i = 0; i < labels->count; i++)
        if (ms_span_is(key, labels->items[i].name))
            return say(labels->items[i].value, value);
    return false;
}

static bool find_in_snapshot(const void *object, const struct ms_fieldpath *path,
                             struct ms_span *value) {
    const struct ms_info *info = object;
    switch (ms_filter_field(path)) {
    case MS_FIELD_NAME:
        return say(info->name, value);
    case MS_FIELD_PARENT:
        return say(info->parent, value);
    case MS_FIELD_KIND:
        return find_kind(info->kind, value);
    case MS_FIELD_LABEL:
        return find_label(&info->labels, path->rest, value);
    case MS_FIELD_NONE:
        break;
    }
    return false;
}

bool ms_filter_match(const struct ms_filter *filter, const struct ms_info *info) {
    return ms_filter_match_fields(filter, find_in_snapshot, info);
}
