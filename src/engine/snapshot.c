#include "engine/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

const char *ms_snapshot_kind_name(int kind) {
    switch (kind) {
    case MS_KIND_VIEW:
        return "view";
    case MS_KIND_ACTIVE:
        return "active";
    case MS_KIND_COMMITTED:
        return "committed";
    default:
        return "unknown";
    }
}

void ms_labels_clear(struct ms_labels *labels) {
    for (size_t i = 0; i < labels->count; i++) {
        free(labels->items[i].name);
        free(labels->items[i].value);
    }
    free(labels->items);
    *labels = (struct ms_labels){0};
}

static struct ms_label *find(const struct ms_labels *labels, const char *name) {
    for (size_t i = 0; i < labels->count; i++)
        if (strcmp(labels->items[i].name, name) == 0)
            return &labels->items[i];
    return NULL;
}

const char *ms_labels_find(const struct ms_labels *labels, const char *name) {
    const struct ms_label *label = find(labels, name);
    return label != NULL ? label->value : NULL;
}

/* Makes room for one more label at the end; NULL when there is no memory. Room doubles. */
static struct ms_label *extend(struct ms_labels *labels) {
    size_t count = labels->count;
    if ((count & (count - 1)) == 0) {
        size_t room = count == 0 ? 1 : count * 2;
        struct ms_label *items = realloc(labels->items, room * sizeof *items);
        if (items == NULL)
            return NULL;
        labels->items = items;
    }
    return &labels->items[count];
}

int ms_labels_append(struct ms_labels *labels, const char *name, const char *value,
                     struct ms_err *err) {
    return ms_labels_append_spans(labels, name, strlen(name), value, strlen(value), err);
}

int ms_labels_append_spans(struct ms_labels *labels, const char *name, size_t name_size,
                           const char *value, size_t value_size, struct ms_err *err) {
    char *new_name = strndup(name, name_size);
    char *new_value = strndup(value, value_size);
    struct ms_label *label = new_name != NULL && new_value != NULL ? extend(labels) : NULL;
    if (label == NULL) {
        free(new_name);
        free(new_value);
        return ms_err_memory(err);
    }
    *label = (struct ms_label){.name = new_name, .value = new_value};
    labels->count++;
    return MS_OK;
}

int ms_labels_set(struct ms_labels *labels, const char *name, const char *value,
                  struct ms_err *err) {
    struct ms_label *label = find(labels, name);
    if (label == NULL)
        return ms_labels_append(labels, name, value, err);
    char *new_value = strdup(value);
    if (new_value == NULL)
        return ms_err_memory(err);
    free(label->value);
    label->value = new_value;
    return MS_OK;
}

void ms_info_clear(struct ms_info *info) {
    free(info->name);
    free(info->parent);
    ms_labels_clear(&info->labels);
    *info = (struct ms_info){0};
}

int ms_key_check(const char *what, const char *bytes, size_t size, struct ms_err *err) {
    if (size == 0)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "%s is empty", what);
    if (size > MS_KEY_MAX)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "%s of %zu bytes: the limit is %d", what, size,
                          MS_KEY_MAX);
    if (memchr(bytes, '\0', size) != NULL)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "%s has a NUL in it", what);
    if (!ms_utf8_valid(bytes, size))
        return ms_err_set(err, MS_INVALID_ARGUMENT, "%s is not valid UTF-8", what);
    return MS_OK;
}

int ms_label_check(const char *name, size_t name_size, const char *value, size_t value_size,
                   struct ms_err *err) {
    if (name_size == 0)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "a label has an empty name");
    if (memchr(name, '\0', name_size) != NULL || memchr(value, '\0', value_size) != NULL)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "label '%.60s' has a NUL in it", name);
    if (name_size + value_size > MS_LABEL_MAX)
        return ms_err_set(err, MS_INVALID_ARGUMENT,
                          "label '%.60s': name and value have %zu bytes, the limit is %d", name,
                          name_size + value_size, MS_LABEL_MAX);
    if (!ms_utf8_valid(name, name_size) || !ms_utf8_valid(value, value_size))
        return ms_err_set(err, MS_INVALID_ARGUMENT, "a label is not valid UTF-8");
    return MS_OK;
}
