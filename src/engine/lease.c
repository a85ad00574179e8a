#include "engine/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void ms_record_clear(struct ms_record *record) {
    free(record->id);
    ms_labels_clear(&record->labels);
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

bool ms_record_expired(const struct ms_record *lease, int64_t now_ns) {
    const char *expire = ms_labels_find(&lease->labels, MS_LABEL_EXPIRE);
    int64_t seconds = 0;
    return expire != NULL && parse_time(expire, &seconds) && seconds < now_ns / 1000000000;
}
