/* filter.h - containerd's filter grammar: which objects a list request wants.
 *
 *     filter     = [ selector { "," selector } ]             all selectors must match
 *     selector   = fieldpath [ operator value ]              without operator: the field exists
 *     fieldpath  = field { "." field }
 *     field      = quoted | 1*( A-Z a-z 0-9 "_" )
 *     operator   = "==" | "!=" | "~="
 *     value      = quoted | 1*( graphic character except "," and white space )
 *     quoted     = "..." with Go's escapes; after "~=" also /.../ and |...|
 *
 * A list of filters matches when one of them does; an empty list and an empty filter match
 * everything. A field that is not there is the empty text: `!=x` and `~=^$` match it, `==` does
 * not. A `~=` value is an RE2 expression, searched for anywhere in the field (see filter_regex.h);
 * one that is not RE2 is no error and matches nothing.
 *
 * One file a step:
 *
 *     filter_scan.c      bytes to tokens                filter_text.c      quotes, texts of errors
 *     filter_parse.c     tokens to selectors            filter_snapshot.c  fields of a snapshot
 *     filter.c           lists, and the verdict         filter_regex.c     expressions
 *
 * A filter is immutable: threads may share it. Whatever a filter or a selector points to is the
 * filter's own and lives as long as it does.
 *
 * Source: containerd pkg/filters (its scanner decides where its documentation does not).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ms_err;
struct ms_info;
struct ms_regex;

#define MS_FILTER_SIZE_MAX 16384   /* bytes in one filter */
#define MS_FILTER_SELECTORS_MAX 64 /* selectors in one filter */
#define MS_FILTERS_MAX 64          /* filters in one list */

/* Bytes that somebody else owns; may hold NULs and bad UTF-8 (quotes can say "\xff"). */
struct ms_span {
    const char *bytes;
    size_t size;
};

/* `labels."a.b".c`: parts labels, a.b, c; joined "labels.a.b.c"; rest "a.b.c". */
struct ms_fieldpath {
    const struct ms_span *parts;
    size_t count;          /* at least 1 */
    struct ms_span joined; /* all parts, "." between */
    struct ms_span rest;   /* all but the first, "." between; empty when there is one part */
};

enum ms_operator {
    MS_OP_PRESENT,
    MS_OP_EQUAL,
    MS_OP_NOT_EQUAL,
    MS_OP_MATCHES,
};

struct ms_selector {
    struct ms_fieldpath path;
    enum ms_operator op;
    struct ms_span value;   /* empty for MS_OP_PRESENT */
    struct ms_regex *regex; /* MS_OP_MATCHES only; NULL when value is not RE2: matches nothing */
};

struct ms_filter;

/* Compiles a list of count texts with their sizes.
 *
 *   out     filled on success and then the caller's: ms_filter_free()
 *
 * Fails: invalid_argument for a text that does not parse ("filters: parse error: [name >|=|< c1]:
 * unsupported operator "=""; the marked byte is where it went wrong, a long text is cut) or one of
 * the limits above; resource_exhausted. */
int ms_filter_compile(const char *const *texts, const size_t *sizes, size_t count,
                      struct ms_filter **out, struct ms_err *err);
void ms_filter_free(struct ms_filter *filter);

/* Says whether one snapshot matches: fields name, parent (always there, "" for none), kind
 * (active, view, committed), labels.KEY. */
bool ms_filter_match(const struct ms_filter *filter, const struct ms_info *info);

/* Finds the field that path names in an object: true when it is there, with *value borrowed from
 * the object. When it is not there *value stays as it was (empty). */
typedef bool ms_field_find(const void *object, const struct ms_fieldpath *path,
                           struct ms_span *value);

/* Says whether any object matches whose fields find knows. */
bool ms_filter_match_fields(const struct ms_filter *filter, ms_field_find *find,
                            const void *object);

/* ---- reading a filter, for a store that has indexes ---------------------------------------------
 *
 * A filter is alternatives (at least one), each a row of selectors that must all match; a row of
 * none matches everything. */

size_t ms_filter_alternatives(const struct ms_filter *filter);

/* The selectors of alternative i, 0 <= i < ms_filter_alternatives(). */
const struct ms_selector *ms_filter_selectors(const struct ms_filter *filter, size_t i,
                                              size_t *count);

enum ms_field {
    MS_FIELD_NONE, /* no snapshot has it: exists never, reads as "" */
    MS_FIELD_NAME,
    MS_FIELD_PARENT, /* exists always, also as "" */
    MS_FIELD_KIND,   /* the word */
    MS_FIELD_LABEL,  /* the label whose key is path->rest */
};

/* The field of a snapshot that a path names. Parts after name, parent or kind are ignored. */
enum ms_field ms_filter_field(const struct ms_fieldpath *path);

/* Says whether a span has exactly the bytes of a string. */
bool ms_span_is(struct ms_span span, const char *string);
