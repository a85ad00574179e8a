#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/filter/filter_inside.h"
#include "engine/filter/filter_regex.h"
#include "engine/filter/filter_scan.h"

void ms_selectors_clear(struct ms_selectors *row) {
    for (size_t i = 0; i < row->count; i++)
        ms_regex_free(row->items[i].regex);
    free(row->items);
    free(row->bytes);
    free(row->parts);
    *row = (struct ms_selectors){0};
}

/* Owns the scanner and the row. The room in row is for the worst case of the whole text, so nothing
 * grows or moves. */
struct parser {
    struct ms_scanner scanner;
    struct ms_selectors row;
    size_t used;  /* of row.bytes */
    size_t parts; /* of row.parts */
    struct ms_err *err;
};

static void clear_parser(struct parser *parser) {
    ms_scanner_clear(&parser->scanner);
    ms_selectors_clear(&parser->row);
}
#define auto_parser __attribute__((cleanup(clear_parser)))

static int make_room(struct ms_selectors *row, struct ms_span text, struct ms_err *err) {
    size_t commas = 1;
    size_t parts = 1;
    for (size_t i = 0; i < text.size; i++) {
        commas += text.bytes[i] == ',';
        parts += text.bytes[i] == ',' || text.bytes[i] == '.';
    }
    size_t items = commas < MS_FILTER_SELECTORS_MAX ? commas : MS_FILTER_SELECTORS_MAX;
    row->items = calloc(items, sizeof(*row->items));
    row->parts = calloc(parts, sizeof(*row->parts));
    row->bytes = malloc(text.size + 1);
    if (row->items == NULL || row->parts == NULL || row->bytes == NULL)
        return ms_err_set(err, MS_RESOURCE_EXHAUSTED, "filters: out of memory");
    return 0;
}

static struct ms_span keep(struct parser *parser, struct ms_span bytes) {
    char *place = parser->row.bytes + parser->used;
    if (bytes.size != 0)
        memcpy(place, bytes.bytes, bytes.size);
    parser->used += bytes.size;
    return (struct ms_span){place, bytes.size};
}

static int unquote(struct parser *parser, size_t at, struct ms_span token, bool any_quote,
                   struct ms_span *out) {
    if (!any_quote && token.bytes[0] != '"')
        return ms_filter_refuse(parser->scanner.text, at, parser->err, "invalid quote encountered");
    *out = (struct ms_span){parser->row.bytes + parser->used, 0};
    if (!ms_unquote(token, parser->row.bytes + parser->used, &out->size))
        return ms_filter_refuse(parser->scanner.text, at, parser->err,
                                "unquoting failed: quote syntax error");
    parser->used += out->size;
    return 0;
}

static int parse_field(struct parser *parser, struct ms_span *out) {
    size_t at;
    struct ms_span token;
    struct ms_scanner *scanner = &parser->scanner;
    switch (ms_scan(scanner, &at, &token)) {
    case MS_TOKEN_FIELD:
        *out = keep(parser, token);
        return 0;
    case MS_TOKEN_QUOTED:
        return unquote(parser, at, token, false, out);
    case MS_TOKEN_ILLEGAL:
        return ms_filter_refuse(scanner->text, at, parser->err, "%s", scanner->problem);
    default:
        return ms_filter_refuse(scanner->text, at, parser->err, "expected field or quoted");
    }
}

/* The parts lie behind one another in row.bytes, the dots between them: together they are the
 * joined path. */
static int parse_path(struct parser *parser, struct ms_fieldpath *out) {
    struct ms_span *parts = parser->row.parts + parser->parts;
    size_t count = 0;
    for (;;) {
        int code = parse_field(parser, &parts[count]);
        if (code < 0)
            return code;
        count++;
        if (ms_scan_peek(&parser->scanner) != '.')
            break;
        size_t at;
        struct ms_span dot;
        (void)ms_scan(&parser->scanner, &at, &dot);
        (void)keep(parser, dot);
    }
    parser->parts += count;
    const char *end = parser->row.bytes + parser->used;
    const char *rest = count > 1 ? parts[1].bytes : end;
    *out = (struct ms_fieldpath){
        .parts = parts,
        .count = count,
        .joined = {parts[0].bytes, (size_t)(end - parts[0].bytes)},
        .rest = {rest, (size_t)(end - rest)},
    };
    return 0;
}

static int parse_operator(struct parser *parser, enum ms_operator *out) {
    size_t at;
    struct ms_span token;
    struct ms_scanner *scanner = &parser->scanner;
    enum ms_token kind = ms_scan(scanner, &at, &token);
    if (kind == MS_TOKEN_ILLEGAL)
        return ms_filter_refuse(scanner->text, at, parser->err, "%s", scanner->problem);
    if (kind != MS_TOKEN_OPERATOR)
        return ms_filter_refuse(scanner->text, at, parser->err,
                                "expected an operator (\"==\"|\"!=\"|\"~=\")");
    if (ms_span_is(token, "=="))
        *out = MS_OP_EQUAL;
    else if (ms_span_is(token, "!="))
        *out = MS_OP_NOT_EQUAL;
    else if (ms_span_is(token, "~="))
        *out = MS_OP_MATCHES;
    else
        return ms_filter_refuse(scanner->text, at, parser->err, "unsupported operator \"%.*s\"",
                                token.size < 32 ? (int)token.size : 32, token.bytes);
    return 0;
}

static int parse_value(struct parser *parser, bool any_quote, struct ms_span *out) {
    size_t at;
    struct ms_span token;
    struct ms_scanner *scanner = &parser->scanner;
    switch (ms_scan(scanner, &at, &token)) {
    case MS_TOKEN_VALUE:
    case MS_TOKEN_FIELD:
        *out = keep(parser, token);
        return 0;
    case MS_TOKEN_QUOTED:
        return unquote(parser, at, token, any_quote, out);
    case MS_TOKEN_ILLEGAL:
        return ms_filter_refuse(scanner->text, at, parser->err, "%s", scanner->problem);
    default:
        return ms_filter_refuse(scanner->text, at, parser->err, "expected value or quoted");
    }
}

static int parse_selector(struct parser *parser, struct ms_selector *out) {
    int code = parse_path(parser, &out->path);
    if (code < 0)
        return code;
    int32_t ahead = ms_scan_peek(&parser->scanner);
    if (ahead == ',' || ahead == MS_TOKEN_END)
        return 0;
    code = parse_operator(parser, &out->op);
    if (code == 0)
        code = parse_value(parser, out->op == MS_OP_MATCHES, &out->value);
    if (code == 0 && out->op == MS_OP_MATCHES)
        code = ms_regex_compile(out->value.bytes, out->value.size, &out->regex, parser->err);
    return code;
}

static int refuse_rest(struct parser *parser, int32_t ahead) {
    const struct ms_scanner *scanner = &parser->scanner;
    struct ms_span here = {scanner->text.bytes + scanner->ahead, 0};
    (void)ms_rune_decode(here.bytes, scanner->text.size - scanner->ahead, &here.size);
    if (ahead == MS_TOKEN_ILLEGAL)
        here = (struct ms_span){"\xEF\xBF\xBD", 3};
    return ms_filter_refuse(scanner->text, scanner->ahead, parser->err, "unexpected input: %.*s",
                            (int)here.size, here.bytes);
}

/* Appends the selectors of the text. A selector counts in row from its first byte on, so that the
 * row's owner frees half of one too. */
static int parse_all(struct parser *parser) {
    struct ms_scanner *scanner = &parser->scanner;
    for (;;) {
        if (parser->row.count == MS_FILTER_SELECTORS_MAX)
            return ms_err_set(parser->err, MS_INVALID_ARGUMENT,
                              "filters: more than %d selectors in one filter",
                              MS_FILTER_SELECTORS_MAX);
        int code = parse_selector(parser, &parser->row.items[parser->row.count++]);
        if (code < 0)
            return code;
        int32_t ahead = ms_scan_peek(scanner);
        if (ahead == MS_TOKEN_END)
            return 0;
        if (ahead != ',')
            return refuse_rest(parser, ahead);
        size_t at;
        struct ms_span token;
        (void)ms_scan(scanner, &at, &token);
    }
}

int ms_selectors_parse(struct ms_span text, struct ms_selectors *out, struct ms_err *err) {
    if (text.size == 0)
        return 0;
    auto_parser struct parser parser = {.scanner = {.text = text}, .err = err};
    int code = make_room(&parser.row, text, err);
    if (code == 0)
        code = parse_all(&parser);
    if (code < 0)
        return code;
    *out = parser.row;
    parser.row = (struct ms_selectors){0};
    return 0;
}
