#include "engine/store/store_plan.h"

#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/clock.h"
#include "engine/store/events.h"
#include "engine/store/store_inside.h"

#define STORE_DIGITS 4
#define TIME_DIGITS 9 /* milliseconds, till the year 3084 */
#define CHANCE_DIGITS 2
#define TRIES 16

/* Crockford's base32: sorts as its values do, and no digit looks like another. */
static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* The first digits of the store's id. */
static int store_digits(struct ms_store *store, char out[STORE_DIGITS + 1], struct ms_err *err) {
    char id[MS_STORE_ID_SIZE];
    int code = ms_store_id(store, id, err);
    if (code < 0)
        return code;
    memcpy(out, id, STORE_DIGITS);
    out[STORE_DIGITS] = '\0';
    return MS_OK;
}

static void make_id(int64_t now_ns, const char *store, char id[MS_PLAN_ID_SIZE]) {
    unsigned char chance[CHANCE_DIGITS] = {0};
    uint64_t time_ms = (uint64_t)(now_ns / 1000000);
    char *at = id;
    (void)getrandom(chance, sizeof chance, 0); /* a second one at this moment is found */
    for (int i = TIME_DIGITS - 1; i >= 0; i--)
        *at++ = alphabet[time_ms >> (5 * i) & 31];
    for (int i = 0; i < CHANCE_DIGITS; i++)
        *at++ = alphabet[chance[i] & 31];
    *at++ = '-';
    memcpy(at, store, STORE_DIGITS + 1);
}

/* Refuses an id of another store, before it can mean one of ours. */
static int check_id(struct ms_store *store, const char *id, struct ms_err *err) {
    char ours[STORE_DIGITS + 1];
    int code = store_digits(store, ours, err);
    if (code < 0)
        return code;
    const char *theirs = strrchr(id, '-');
    if (strlen(id) != TIME_DIGITS + CHANCE_DIGITS + 1 + STORE_DIGITS || theirs == NULL)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "'%.40s' can be no plan's id", id);
    if (strcmp(theirs + 1, ours) == 0)
        return MS_OK;
    return ms_err_set(err, MS_FAILED_PRECONDITION,
                      "plan '%.40s' is of another store, or of this one before it was rebuilt: "
                      "make a new plan",
                      id);
}

/* ---- saving ----------------------------------------------------------------------------------*/

static bool is_text(const char *text) { return text == NULL || ms_utf8_valid(text, strlen(text)); }

static int check_texts(const char *header, const struct ms_plan_items *items, struct ms_err *err) {
    bool good = is_text(header);
    for (size_t i = 0; good && i < items->count; i++) {
        const struct ms_plan_item *item = &items->items[i];
        good = is_text(item->key) && is_text(item->verdict) && is_text(item->reason) &&
               is_text(item->rule) && is_text(item->text);
    }
    return good ? MS_OK : ms_err_set(err, MS_INVALID_ARGUMENT, "a text in it is no UTF-8");
}

/* Writes items behind the place. */
static int add_items(struct ms_store *store, const char *id, const struct ms_plan_items *items,
                     int64_t behind, struct ms_err *err) {
    int code = MS_OK;
    for (size_t i = 0; code == MS_OK && i < items->count; i++) {
        struct ms_plan_item item = items->items[i];
        item.place = behind + (int64_t)i + 1;
        code = ms_meta_add_plan_item(&store->meta, id, &item, err);
    }
    return code;
}

static int save_inside(struct ms_store *store, struct ms_plan *plan,
                       const struct ms_plan_items *items, struct ms_err *err) {
    char digits[STORE_DIGITS + 1];
    int code = store_digits(store, digits, err);
    for (int i = 0; code == MS_OK && i < TRIES; i++) {
        make_id(plan->created_ns, digits, plan->id);
        code = ms_meta_add_plan(&store->meta, plan, err);
        if (code != MS_ALREADY_EXISTS)
            break;
        code = i + 1 < TRIES ? MS_OK : code;
    }
    if (code == MS_OK)
        code = add_items(store, plan->id, items, 0, err);
    return code < 0 ? code : ms_meta_trim_plans(&store->meta, plan->ns, MS_PLANS_MAX, err);
}

int ms_store_plan_save(struct ms_store *store, const char *ns, const char *header,
                       const struct ms_plan_items *items, char id[MS_PLAN_ID_SIZE],
                       struct ms_err *err) {
    struct ms_plan plan = {.id = id, /* all borrowed */
                           .ns = (char *)ns,
                           .created_ns = ms_clock_now_ns(),
                           .header = (char *)header,
                           .items = (int64_t)items->count};
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = check_texts(header, items, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code == MS_OK) {
        code = save_inside(store, &plan, items, err);
        code = ms_store_end(store, code, err);
    }
    return code < 0 ? ms_err_wrap(err, "store a plan") : MS_OK;
}

/* ---- looking, and doing ----------------------------------------------------------------------*/

int ms_store_plan_load(struct ms_store *store, const char *ns, const char *id, struct ms_plan *out,
                       struct ms_err *err) {
    ms_auto_plans struct ms_plans found = {0};
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = check_id(store, id, err);
    if (code == MS_OK)
        code = ms_meta_plans(&store->meta, ns, id, &found, err);
    if (code < 0)
        return code;
    if (found.count == 0)
        return ms_err_set(err, MS_NOT_FOUND,
                          "there is no plan '%.40s': the newest %d are kept, of each namespace", id,
                          MS_PLANS_MAX);
    *out = found.items[0];
    found.items[0] = (struct ms_plan){0};
    return MS_OK;
}

int ms_store_plan_append(struct ms_store *store, const char *ns, const char *id,
                         const struct ms_plan_items *items, struct ms_err *err) {
    ms_auto_plan struct ms_plan plan = {0};
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = check_texts(NULL, items, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    code = ms_store_plan_load(store, ns, id, &plan, err);
    if (code == MS_OK)
        code = add_items(store, id, items, plan.items, err);
    if (code == MS_OK)
        code = ms_meta_grow_plan(&store->meta, id, (int64_t)items->count, err);
    return ms_store_end(store, code, err);
}

static int plan_exists(struct ms_store *store, const char *ns, const char *id, struct ms_err *err) {
    ms_auto_plan struct ms_plan plan = {0};
    return ms_store_plan_load(store, ns, id, &plan, err);
}

int ms_store_plan_items(struct ms_store *store, const char *ns, const char *id,
                        const struct ms_plan_page *page, struct ms_plan_items *out,
                        struct ms_err *err) {
    int code = plan_exists(store, ns, id, err);
    return code < 0 ? code : ms_meta_plan_items(&store->meta, id, page, out, err);
}

static int check_outcomes(int64_t place, const struct ms_plan_outcomes *others,
                          struct ms_err *err) {
    for (size_t i = 0; i < others->count; i++) {
        const struct ms_plan_outcome *one = &others->items[i];
        if (*one->outcome == '\0' || !is_text(one->outcome) || !is_text(one->text))
            return ms_err_set(err, MS_INVALID_ARGUMENT, "an outcome that is empty or no UTF-8");
        if (one->place > place)
            return ms_err_set(
                err, MS_INVALID_ARGUMENT,
                "an outcome of item %lld, which is behind %lld, the last that is done",
                (long long)one->place, (long long)place);
    }
    return MS_OK;
}

static int no_item(const char *id, int64_t place, struct ms_err *err) {
    return ms_err_set(err, MS_NOT_FOUND, "plan '%.40s' has no item %lld", id, (long long)place);
}

static int done_inside(struct ms_store *store, const char *ns, const char *id, int64_t place,
                       const struct ms_plan_outcomes *others, struct ms_err *err) {
    ms_auto_plan struct ms_plan plan = {0};
    int code = ms_store_plan_load(store, ns, id, &plan, err);
    if (code == MS_OK && (place < 1 || place > plan.items))
        code = no_item(id, place, err);
    for (size_t i = 0; code == MS_OK && i < others->count; i++) {
        code = ms_meta_plan_outcome(&store->meta, id, &others->items[i], err);
        if (code >= 0)
            code = code == 1 ? MS_OK : no_item(id, others->items[i].place, err);
    }
    return code < 0 ? code : ms_meta_plan_done(&store->meta, id, place, err);
}

int ms_store_plan_done(struct ms_store *store, const char *ns, const char *id, int64_t place,
                       const struct ms_plan_outcomes *others, struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    if (code == MS_OK)
        code = check_outcomes(place, others, err);
    if (code == MS_OK)
        code = ms_store_begin(store, err);
    if (code < 0)
        return code;
    return ms_store_end(store, done_inside(store, ns, id, place, others, err), err);
}

int ms_store_plans(struct ms_store *store, const char *ns, struct ms_plans *out,
                   struct ms_err *err) {
    int code = ms_store_enter(store, ns, NULL, err);
    return code < 0 ? code : ms_meta_plans(&store->meta, ns, NULL, out, err);
}
