#include "engine/filter/filter_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/own.h"
#include "base/text.h"

/* Goes before a pattern that is to be found anywhere. */
#define ANYWHERE ".*"

struct ms_regex {
    pcre2_code *code;   /* backtracks: fast, and for some expressions without an end */
    pcre2_code *states; /* the same behind ".*", to be run as a set of states from one start */
    pcre2_match_context *limits;
};

void ms_regex_free(struct ms_regex *regex) {
    if (regex == NULL)
        return;
    pcre2_code_free(regex->code);
    pcre2_code_free(regex->states);
    pcre2_match_context_free(regex->limits);
    free(regex);
}

static void free_regex(struct ms_regex **regex) { ms_regex_free(*regex); }
#define auto_regex __attribute__((cleanup(free_regex)))

static int no_memory(struct ms_err *err) {
    return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "filters: out of memory");
}

/* *out stays NULL when PCRE2 finds the pattern too large or too deep. */
static int compile(const char *pattern, size_t size, uint32_t options, pcre2_code **out,
                   struct ms_err *err) {
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL)
        return no_memory(err);
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    (void)pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
    options |= PCRE2_UTF | PCRE2_DOTALL | PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX;
    int code = 0;
    PCRE2_SIZE where = 0;
    *out = pcre2_compile((PCRE2_SPTR)pattern, size, options, &code, &where, context);
    pcre2_compile_context_free(context);
    return *out == NULL && code == PCRE2_ERROR_HEAP_FAILED ? no_memory(err) : 0;
}

/* pattern begins with ANYWHERE. */
static int compile_both(const struct ms_text *pattern, struct ms_regex *regex, struct ms_err *err) {
    size_t skip = sizeof(ANYWHERE) - 1;
    int code = compile(pattern->bytes + skip, pattern->size - skip, 0, &regex->code, err);
    if (code < 0 || regex->code == NULL)
        return code;
    return compile(pattern->bytes, pattern->size, PCRE2_ANCHORED, &regex->states, err);
}

int ms_regex_compile(const char *bytes, size_t size, struct ms_regex **out, struct ms_err *err) {
    ms_auto_text struct ms_text pattern = {0};
    ms_text_puts(&pattern, ANYWHERE "(?:");
    bool sound = ms_re2_translate(bytes, size, &pattern);
    ms_text_puts(&pattern, ")");
    if (pattern.failed)
        return no_memory(err);
    *out = NULL;
    if (!sound)
        return 0;
    auto_regex struct ms_regex *regex = calloc(1, sizeof(*regex));
    if (regex == NULL)
        return no_memory(err);
    int code = compile_both(&pattern, regex, err);
    if (code < 0 || regex->code == NULL)
        return code;
    regex->limits = pcre2_match_context_create(NULL);
    if (regex->limits == NULL)
        return no_memory(err);
    (void)pcre2_set_match_limit(regex->limits, MS_REGEX_STEPS);
    (void)pcre2_set_depth_limit(regex->limits, MS_REGEX_STEPS);
    (void)pcre2_set_heap_limit(regex->limits, MS_REGEX_HEAP_KIB);
    *out = ms_take_ptr(&regex);
    return 0;
}

/* Runs all ways to match side by side: cost grows with size times the square of the number of
 * states, and never more. */
static bool match_states(const struct ms_regex *regex, const char *bytes, size_t size,
                         pcre2_match_data *data) {
    int workspace[MS_REGEX_WORKSPACE];
    if (regex->states == NULL || size > MS_REGEX_STATES_SIZE)
        return false;
    return pcre2_dfa_match(regex->states, (PCRE2_SPTR)bytes, size, 0,
                           PCRE2_DFA_SHORTEST | PCRE2_ANCHORED, data, NULL, workspace,
                           MS_REGEX_WORKSPACE) >= 0;
}

static bool is_limit(int code) {
    return code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT ||
           code == PCRE2_ERROR_HEAPLIMIT;
}

bool ms_regex_match(const struct ms_regex *regex, const char *bytes, size_t size) {
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (data == NULL)
        return false;
    int code = pcre2_match(regex->code, (PCRE2_SPTR)bytes, size, 0, 0, data, regex->limits);
    bool found = code >= 0 || (is_limit(code) && match_states(regex, bytes, size, data));
    pcre2_match_data_free(data);
    return found;
}
