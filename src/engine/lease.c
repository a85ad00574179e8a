#include "engine/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

void ms_record_clear(struct ms_record *record) {
    free(record->id);
    ms_labels_clear(&record->labels);
    free(record->boot_id);
    *record = (struct ms_record){0};
}

void ms_records_clear(struct ms_records *records) {
    for (size_t i = 0; i < records->count; i++)
        ms_record_clear(&records->items[i]);
    free(records->items);
    *records = (struct ms_records){0};
}

void ms_records_take(struct ms_records *records, struct ms_record *out) {
    if (records->count == 0)
        return;
    *out = records->items[0];
    records->items[0] = (struct ms_record){0};
}

void ms_resources_clear(struct ms_resources *resources) {
    for (size_t i = 0; i < resources->count; i++) {
        free(resources->items[i].type);
        free(resources->items[i].id);
    }
    free(resources->items);
    *resources = (struct ms_resources){0};
}

/* Reads count digits at *text and moves behind them; -1 for anything else. */
static int digits(const char **text, int count) {
    int value = 0;
    for (int i = 0; i < count; i++) {
        char digit = (*text)[i];
        if (digit < '0' || digit > '9')
            return -1;
        value = value * 10 + (digit - '0');
    }
    *text += count;
    return value;
}

/* The same, with a character in front. */
static int digits_behind(const char **text, char before, int count) {
    if (**text != before)
        return -1;
    (*text)++;
    return digits(text, count);
}

/* "Z", "+02:00": seconds east of Greenwich. */
static bool parse_zone(const char *text, int64_t *out) {
    if (strcmp(text, "Z") == 0) {
        *out = 0;
        return true;
    }
    int sign = *text == '-' ? -1 : 1;
    if (*text != '+' && *text != '-')
        return false;
    text++;
    int hours = digits(&text, 2);
    int minutes = hours < 0 ? -1 : digits_behind(&text, ':', 2);
    *out = sign * (hours * 3600LL + minutes * 60LL);
    return minutes >= 0 && minutes < 60 && hours < 24 && *text == '\0';
}

/* RFC 3339, whole seconds; a fraction is skipped. */
static bool parse_time(const char *text, int64_t *seconds) {
    struct tm when = {0};
    int64_t east = 0;
    int year = digits(&text, 4);
    int month = year < 0 ? -1 : digits_behind(&text, '-', 2);
    when.tm_mday = month < 0 ? -1 : digits_behind(&text, '-', 2);
    when.tm_hour = when.tm_mday < 0 ? -1 : digits_behind(&text, 'T', 2);
    when.tm_min = when.tm_hour < 0 ? -1 : digits_behind(&text, ':', 2);
    when.tm_sec = when.tm_min < 0 ? -1 : digits_behind(&text, ':', 2);
    if (when.tm_sec < 0 || month < 1 || month > 12 || when.tm_mday < 1 || when.tm_mday > 31 ||
        when.tm_hour > 23 || when.tm_min > 59 || when.tm_sec > 60)
        return false;
    if (*text == '.') {
        text++;
        text += strspn(text, "0123456789");
    }
    if (!parse_zone(text, &east))
        return false;
    when.tm_year = year - 1900;
    when.tm_mon = month - 1;
    *seconds = (int64_t)timegm(&when) - east;
    return true;
}

#define SECOND 1000000000
#define TTL_MAX 253402300799 /* the last second of the year 9999, as RFC 3339 ends there */

static bool is_expired(const struct ms_record *lease, int64_t now_ns) {
    const char *expire = ms_labels_find(&lease->labels, MS_LABEL_EXPIRE);
    int64_t seconds = 0;
    return expire != NULL && parse_time(expire, &seconds) && seconds < now_ns / SECOND;
}

enum ms_lease_end ms_lease_ended(const struct ms_record *lease, int64_t now_ns,
                                 const char *boot_id) {
    if (is_expired(lease, now_ns))
        return MS_LEASE_EXPIRED;
    if (lease->process.pid == 0 || lease->boot_id == NULL ||
        ms_ident_alive(&lease->process, lease->boot_id, boot_id) != MS_ALIVE_NO)
        return MS_LEASE_LIVES;
    return MS_LEASE_DEAD;
}

const char *ms_lease_end_name(enum ms_lease_end end) {
    static const char *const names[] = {NULL, "expired", "dead"};
    return names[end];
}

int ms_lease_set_ttl(struct ms_labels *labels, int64_t now_ns, int64_t ttl_s, struct ms_err *err) {
    char text[40];
    struct tm parts;
    time_t end = (time_t)(now_ns / SECOND);
    if (ttl_s <= 0 || ttl_s > TTL_MAX - end)
        return ms_err_set(err, MS_INVALID_ARGUMENT,
                          "a lease lives for a positive number of seconds, till the year 9999");
    end += (time_t)ttl_s;
    if (gmtime_r(&end, &parts) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return ms_err_set(err, MS_INVALID_ARGUMENT, "a lease with such an end cannot be written");
    return ms_labels_set(labels, MS_LABEL_EXPIRE, text, err);
}
