#include "engine/filter/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/filter/filter_inside.h"
#include "engine/filter/filter_regex.h"

struct ms_filter {
    size_t count; /* at least 1 */
    struct ms_selectors rows[];
};

void ms_filter_free(struct ms_filter *filter) {
    for (size_t i = 0; filter != NULL && i < filter->count; i++)
        ms_selectors_clear(&filter->rows[i]);
    free(filter);
}

static void free_filter(struct ms_filter **filter) { ms_filter_free(*filter); }
#define auto_filter __attribute__((cleanup(free_filter)))

int ms_filter_compile(const char *const *texts, const size_t *sizes, size_t count,
                      struct ms_filter **out, struct ms_err *err) {
    if (count > MS_FILTERS_MAX)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "filters: more than %d filters",
                          MS_FILTERS_MAX);
    size_t rows = count != 0 ? count : 1;
    auto_filter struct ms_filter *filter =
        calloc(1, sizeof(*filter) + rows * sizeof(filter->rows[0]));
    if (filter == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "filters: out of memory");
    filter->count = rows;
    for (size_t i = 0; i < count; i++) {
        if (sizes[i] > MS_FILTER_SIZE_MAX)
            return ms_err_set(err, MS_INVALID_ARGUMENT, "filters: more than %d bytes in one filter",
                              MS_FILTER_SIZE_MAX);
        struct ms_span text = {texts[i], sizes[i]};
        int code = ms_selectors_parse(text, &filter->rows[i], err);
        if (code < 0)
            return code;
    }
    *out = filter;
    filter = NULL;
    return 0;
}

size_t ms_filter_alternatives(const struct ms_filter *filter) { return filter->count; }

const struct ms_selector *ms_filter_selectors(const struct ms_filter *filter, size_t i,
                                              size_t *count) {
    *count = filter->rows[i].count;
    return filter->rows[i].items;
}

/* ---- the verdict -----------------------------------------------------------------------------*/

static bool span_equal(struct ms_span a, struct ms_span b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

bool ms_span_is(struct ms_span span, const char *string) {
    return span_equal(span, (struct ms_span){string, strlen(string)});
}

static bool selector_matches(const struct ms_selector *selector, ms_field_find *find,
                             const void *object) {
    struct ms_span value = {"", 0};
    bool there = find(object, &selector->path, &value);
    switch (selector->op) {
    case MS_OP_PRESENT:
        return there;
    case MS_OP_EQUAL:
        return there && span_equal(value, selector->value);
    case MS_OP_NOT_EQUAL:
        return !span_equal(value, selector->value);
    case MS_OP_MATCHES:
        return selector->regex != NULL && ms_regex_match(selector->regex, value.bytes, value.size);
    }
    return false;
}

bool ms_filter_match_fields(const struct ms_filter *filter, ms_field_find *find,
                            const void *object) {
    for (size_t i = 0; i < filter->count; i++) {
        const struct ms_selectors *row = &filter->rows[i];
        size_t matched = 0;
        while (matched < row->count && selector_matches(&row->items[matched], find, object))
            matched++;
        if (matched == row->count)
            return true;
    }
    return false;
}
