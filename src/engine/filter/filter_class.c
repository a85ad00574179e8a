/* Character classes: RE2's written for PCRE2, where \s, folding and names of scripts differ. */
#include <string.h>

#include "base/text.h"
#include "engine/filter/filter.h"
#include "engine/filter/filter_regex.h"

/* ---- classes of ASCII ------------------------------------------------------------------------*/

/* A set of ASCII characters, and the two others that fold to one. */
struct set {
    bool has[128];
    bool long_s; /* U+017F, an s */
    bool kelvin; /* U+212A, a k */
};

static const struct {
    const char *name;   /* as in [:name:] */
    const char *ranges; /* pairs of first and last */
} ascii_classes[] = {
    {"alnum", "09AZaz"},      {"alpha", "AZaz"},
    {"blank", "\t\t  "},      {"cntrl", "\1\x1f\x7f\x7f"},
    {"digit", "09"},          {"graph", "!~"},
    {"lower", "az"},          {"print", " ~"},
    {"punct", "!/:@[`{~"},    {"space", "\t\r  "},
    {"upper", "AZ"},          {"word", "09AZ__az"},
    {"xdigit", "09AFaf"},     {"ascii", "\1\x7f"},
    {"perl s", "\t\n\f\r  "},
};

static bool find_set(struct ms_span name, struct set *out) {
    for (size_t i = 0; i < sizeof(ascii_classes) / sizeof(ascii_classes[0]); i++) {
        if (!ms_span_is(name, ascii_classes[i].name))
            continue;
        const char *ranges = ascii_classes[i].ranges;
        for (size_t at = 0; ranges[at] != '\0'; at += 2)
            memset(out->has + ranges[at], true, (size_t)(ranges[at + 1] - ranges[at]) + 1);
        out->has[0] = out->has[1]; /* no name tells NUL from U+0001 */
        return true;
    }
    return false;
}

/* Adds the characters that differ in case only: then it does not matter that PCRE2 folds too. */
static void fold_set(struct set *set) {
    for (int upper = 'A'; upper <= 'Z'; upper++) {
        int lower = upper - 'A' + 'a';
        set->has[upper] = set->has[lower] = set->has[upper] || set->has[lower];
    }
    set->long_s = set->has['s'];
    set->kelvin = set->has['k'];
}

/* Writes the characters that are in the set, or those that are not. */
static void write_set(struct ms_re2 *re, const struct set *set, bool negated) {
    for (unsigned first = 0; first < 128; first++) {
        unsigned last = first;
        if (set->has[first] == negated)
            continue;
        while (last + 1 < 128 && set->has[last + 1] != negated)
            last++;
        ms_text_printf(re->out, "\\x{%x}-\\x{%x}", first, last);
        first = last;
    }
    if (!negated && set->long_s)
        ms_text_puts(re->out, "\\x{17f}");
    if (!negated && set->kelvin)
        ms_text_puts(re->out, "\\x{212a}");
    if (!negated)
        return;
    ms_text_puts(re->out, set->long_s ? "\\x{80}-\\x{17e}" : "\\x{80}-\\x{17f}");
    ms_text_puts(re->out,
                 set->kelvin ? "\\x{180}-\\x{2129}\\x{212b}-\\x{10ffff}" : "\\x{180}-\\x{10ffff}");
}

static bool put_ascii(struct ms_re2 *re, struct ms_span name, bool negated) {
    struct set set = {0};
    if (!find_set(name, &set))
        return false;
    if (re->fold)
        fold_set(&set);
    write_set(re, &set, negated);
    return true;
}

/* ---- classes of Unicode ----------------------------------------------------------------------*/

/* Go's names, Unicode 15. PCRE2 takes more spellings than Go does. */
static const char scripts[] =
    "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak "
    "Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian "
    "Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot "
    "Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan "
    "Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek "
    "Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew "
    "Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian "
    "Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer "
    "Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani "
    "Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek "
    "Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani "
    "Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu "
    "Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian "
    "Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage "
    "Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang "
    "Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian "
    "Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham "
    "Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto "
    "Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square ";

static const char categories[] =
    "Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl "
    "Zp Zs ";

static bool listed(const char *list, struct ms_span name) {
    for (const char *at = list; *at != '\0';) {
        const char *end = strchr(at, ' ');
        if (name.size == (size_t)(end - at) && memcmp(at, name.bytes, name.size) == 0)
            return true;
        at = end + 1;
    }
    return false;
}

/* What case folding adds to a class; NULL for nothing. */
static const char *folded(struct ms_span name) {
    static const struct {
        const char *name;
        const char *more;
    } folds[] = {
        {"L", "\\x{345}"},
        {"M", "\\x{399}\\x{3b9}\\x{1fbe}"},
        {"Mn", "\\x{399}\\x{3b9}\\x{1fbe}"},
        {"Common", "\\x{39c}\\x{3bc}"},
        {"Greek", "\\x{b5}\\x{345}"},
        {"Inherited", "\\x{399}\\x{3b9}\\x{1fbe}"},
    };
    for (size_t i = 0; i < sizeof(folds) / sizeof(folds[0]); i++)
        if (ms_span_is(name, folds[i].name))
            return folds[i].more;
    return NULL;
}

static bool put_unicode(struct ms_re2 *re, struct ms_span name, bool negated) {
    if (ms_span_is(name, "Any")) { /* its contrary: a surrogate, which no text has */
        ms_text_puts(re->out, negated ? "\\x{d800}" : "\\x{0}-\\x{10ffff}");
        return true;
    }
    if (ms_span_is(name, "C")) { /* PCRE2's C has the unassigned too */
        ms_text_puts(re->out,
                     negated ? "\\pL\\pM\\pN\\pP\\pS\\pZ\\p{Cn}" : "\\p{Cc}\\p{Cf}\\p{Co}\\p{Cs}");
        return true;
    }
    bool script = listed(scripts, name);
    if (!script && !listed(categories, name))
        return false;
    bool cased = ms_span_is(name, "Lu") || ms_span_is(name, "Ll") || ms_span_is(name, "Lt");
    if (re->fold && cased)
        name = (struct ms_span){"L&", 2};
    ms_text_printf(re->out, "\\%c{%s%.*s}", negated ? 'P' : 'p', script ? "sc:" : "",
                   (int)name.size, name.bytes);
    const char *more = re->fold && !negated ? folded(name) : NULL;
    ms_text_puts(re->out, more != NULL ? more : "");
    return true;
}

/* Reads what follows \p or \P: a letter, or a name in braces, with or without a "^". */
static bool read_unicode(struct ms_re2 *re, bool negated) {
    size_t start = re->at;
    size_t end = start + 1;
    re->at++;
    if (start >= re->size)
        return false;
    if (re->bytes[start] == '{') {
        const char *brace = memchr(re->bytes + start, '}', re->size - start);
        if (brace == NULL)
            return false;
        start++;
        end = (size_t)(brace - re->bytes);
        re->at = end + 1;
    }
    if (start < end && re->bytes[start] == '^') {
        negated = !negated;
        start++;
    }
    struct ms_span name = {re->bytes + start, end - start};
    return put_unicode(re, name, negated);
}

/* ---- as they are written ---------------------------------------------------------------------*/

bool ms_re2_at_group(const struct ms_re2 *re) {
    unsigned char letter = ms_re2_ahead(re, 1);
    return ms_re2_ahead(re, 0) == '\\' && letter != 0 && strchr("dDsSwWpP", letter) != NULL;
}

bool ms_re2_group(struct ms_re2 *re) {
    unsigned char letter = ms_re2_ahead(re, 1);
    re->at += 2;
    switch (letter) {
    case 'd':
    case 'D':
        return put_ascii(re, (struct ms_span){"digit", 5}, letter == 'D');
    case 's':
    case 'S':
        return put_ascii(re, (struct ms_span){"perl s", 6}, letter == 'S');
    case 'w':
    case 'W':
        return put_ascii(re, (struct ms_span){"word", 4}, letter == 'W');
    default:
        return read_unicode(re, letter == 'P');
    }
}

/* Reads [:name:] or [:^name:]. *found is false, and nothing read, when there is no ":]". */
static bool read_named(struct ms_re2 *re, bool *found) {
    const char *name = re->bytes + re->at + 2;
    size_t room = re->size - re->at;
    const char *end = NULL;
    if (room > 2 && ms_re2_ahead(re, 0) == '[' && ms_re2_ahead(re, 1) == ':')
        end = memmem(name, room - 2, ":]", 2);
    *found = end != NULL;
    if (end == NULL)
        return true;
    re->at = (size_t)(end - re->bytes) + 2;
    bool negated = name < end && *name == '^';
    name += negated;
    struct ms_span class = {name, (size_t)(end - name)};
    return !ms_span_is(class, "perl s") && put_ascii(re, class, negated);
}

static bool read_char(struct ms_re2 *re, unsigned *out) {
    return ms_re2_ahead(re, 0) == '\\' ? ms_re2_escape(re, out) : ms_re2_rune(re, out);
}

/* Reads one character or a range. */
static bool read_range(struct ms_re2 *re) {
    unsigned first;
    unsigned last;
    if (!read_char(re, &first))
        return false;
    bool range = ms_re2_ahead(re, 0) == '-' && re->at + 1 < re->size && ms_re2_ahead(re, 1) != ']';
    re->at += range;
    if (range && (!read_char(re, &last) || last < first))
        return false;
    ms_re2_literal(re, first);
    if (range) {
        ms_text_puts(re->out, "-");
        ms_re2_literal(re, last);
    }
    return true;
}

static bool read_item(struct ms_re2 *re) {
    bool named;
    if (!read_named(re, &named))
        return false;
    if (named)
        return true;
    return ms_re2_at_group(re) ? ms_re2_group(re) : read_range(re);
}

bool ms_re2_class(struct ms_re2 *re) {
    re->at++;
    bool negated = ms_re2_ahead(re, 0) == '^';
    re->at += negated;
    ms_text_puts(re->out, negated ? "[^" : "[");
    bool first = true;
    for (; re->at < re->size && (first || ms_re2_ahead(re, 0) != ']'); first = false)
        if (!read_item(re))
            return false;
    if (re->at >= re->size)
        return false;
    re->at++;
    ms_text_puts(re->out, "]");
    return true;
}
