#include "archive/acl.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>

#define ACL_VERSION 2
#define NO_ID UINT32_MAX

struct rule {
    uint16_t tag;
    uint16_t permissions;
    uint32_t id;
};

/* The kernel's number of a tag; they grow in the order in which the kernel wants the rules. */
static uint16_t kernel_tag(int tag) {
    switch (tag) {
    case ARCHIVE_ENTRY_ACL_USER_OBJ:
        return 0x01;
    case ARCHIVE_ENTRY_ACL_USER:
        return 0x02;
    case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
        return 0x04;
    case ARCHIVE_ENTRY_ACL_GROUP:
        return 0x08;
    case ARCHIVE_ENTRY_ACL_MASK:
        return 0x10;
    case ARCHIVE_ENTRY_ACL_OTHER:
        return 0x20;
    default:
        return 0;
    }
}

static uint16_t permissions(int set) {
    return (uint16_t)((set & ARCHIVE_ENTRY_ACL_READ ? 4 : 0) |
                      (set & ARCHIVE_ENTRY_ACL_WRITE ? 2 : 0) |
                      (set & ARCHIVE_ENTRY_ACL_EXECUTE ? 1 : 0));
}

static int by_tag(const void *left, const void *right) {
    const struct rule *a = left;
    const struct rule *b = right;
    if (a->tag != b->tag)
        return a->tag < b->tag ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static void put_rule(struct ms_text *out, const struct rule *rule) {
    struct rule little = {htole16(rule->tag), htole16(rule->permissions), htole32(rule->id)};
    ms_text_append(out, &little, sizeof little);
}

/* Fills rules, which has room for all, and returns how many there are. */
static size_t collect(struct archive_entry *entry, int type, struct rule *rules) {
    size_t count = 0;
    int got_type = 0;
    int set = 0;
    int tag = 0;
    int id = 0;
    const char *name = NULL;
    while (archive_entry_acl_next(entry, type, &got_type, &set, &tag, &id, &name) == ARCHIVE_OK) {
        bool named = tag == ARCHIVE_ENTRY_ACL_USER || tag == ARCHIVE_ENTRY_ACL_GROUP;
        if (kernel_tag(tag) == 0 || (named && id < 0))
            continue;
        rules[count++] =
            (struct rule){kernel_tag(tag), permissions(set), named ? (uint32_t)id : NO_ID};
    }
    return count;
}

bool ms_acl_encode(struct archive_entry *entry, bool default_acl, struct ms_text *out) {
    int type = default_acl ? ARCHIVE_ENTRY_ACL_TYPE_DEFAULT : ARCHIVE_ENTRY_ACL_TYPE_ACCESS;
    int most = archive_entry_acl_reset(entry, type);
    if (most <= 0)
        return false;
    struct rule *rules = calloc((size_t)most + 3, sizeof *rules);
    if (rules == NULL) {
        out->failed = true;
        return false;
    }
    size_t count = collect(entry, type, rules);
    qsort(rules, count, sizeof *rules, by_tag);
    uint32_t version = htole32(ACL_VERSION);
    ms_text_append(out, &version, sizeof version);
    for (size_t i = 0; i < count; i++)
        put_rule(out, &rules[i]);
    free(rules);
    return true;
}
