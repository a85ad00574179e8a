#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/clock.h"
#include "engine/store/gate.h"
#include "engine/store/store_inside.h"
#include "sys/forks.h"

#define COVER_AFTER_NS (5LL * 1000000000)

void ms_store_defer(struct ms_store *store) { store->defers = true; }

int ms_store_depth(const struct ms_store *store) { return (int)store->undo.depth; }

/* BEGIN IMMEDIATE behind the gate. */
static int begin_outer(struct ms_store *store, struct ms_err *err) {
    int gate = store->place.gate_fd;
    int code = ms_gate_enter(gate, MS_GATE_WAIT_MS, err);
    if (code < 0)
        return code;
    code = ms_meta_run(&store->meta, "BEGIN IMMEDIATE", "begin a transaction", err);
    if (code == MS_OK)
        ms_gate_sign(gate);
    ms_gate_leave(gate);
    if (code == MS_UNAVAILABLE && ms_gate_is_mine(gate))
        return ms_err_set(err, MS_FAILED_PRECONDITION,
                          "another store object of this thread has a transaction open on the same "
                          "root: use that one");
    if (code == MS_UNAVAILABLE) {
        char holder[64];
        ms_gate_holder(gate, holder, sizeof holder);
        return ms_err_set(err, MS_UNAVAILABLE, "the store is being written by %s: try again later",
                          holder);
    }
    return code;
}

/* The same when nobody is in front; 1 when somebody is. */
static int try_outer(struct ms_store *store, struct ms_err *err) {
    int gate = store->place.gate_fd;
    int code = ms_gate_enter(gate, 0, err);
    if (code == MS_UNAVAILABLE)
        return 1;
    if (code < 0)
        return code;
    (void)sqlite3_busy_handler(store->meta.db, NULL, NULL);
    code = ms_meta_run(&store->meta, "BEGIN IMMEDIATE", "begin a transaction", err);
    (void)sqlite3_busy_handler(store->meta.db, ms_gate_wait, &store->place.gate_fd);
    if (code == MS_OK)
        ms_gate_sign(gate);
    ms_gate_leave(gate);
    return code == MS_UNAVAILABLE ? 1 : code;
}

/* All savepoints have one name: SQLite takes the innermost. */
static int savepoint(struct ms_store *store, const char *sql, struct ms_err *err) {
    return ms_meta_run(&store->meta, sql, "nest a transaction", err);
}

/* SQLite rolls back all of a transaction by itself when the disk or the memory fails it. From then
 * on each statement would be durable alone, and the numbers may be another process's. */
static bool is_lost(const struct ms_store *store) {
    return store->undo.depth > 0 && sqlite3_get_autocommit(store->meta.db) != 0;
}

static int refuse_lost(const struct ms_store *store, struct ms_err *err) {
    if (!is_lost(store))
        return MS_OK;
    return ms_err_set(err, MS_ABORTED,
                      "the transaction was rolled back when a call before this one failed");
}

/* What every begin asks first. */
static int may_begin(const struct ms_store *store, struct ms_err *err) {
    if (store->look)
        return ms_err_set(err, MS_FAILED_PRECONDITION, "the store was opened for looking only");
    return ms_store_enter(store, NULL, NULL, err);
}

int ms_store_begin(struct ms_store *store, struct ms_err *err) {
    int code = may_begin(store, err);
    if (code == MS_OK)
        code = refuse_lost(store, err);
    if (code == MS_OK)
        code = ms_undo_begin(&store->undo, err);
    if (code < 0)
        return code;
    size_t depth = store->undo.depth;
    code = depth == 1 ? begin_outer(store, err) : savepoint(store, "SAVEPOINT s", err);
    if (code < 0)
        ms_undo_release(&store->undo);
    return code;
}

int ms_store_try(struct ms_store *store, struct ms_err *err) {
    int code = may_begin(store, err);
    if (code == MS_OK && store->undo.depth > 0)
        return ms_store_begin(store, err);
    if (code == MS_OK)
        code = ms_undo_begin(&store->undo, err);
    if (code < 0)
        return code;
    code = try_outer(store, err);
    if (code != MS_OK)
        ms_undo_release(&store->undo);
    return code;
}

static int wait_for_disk(struct ms_store *store, bool wait, struct ms_err *err) {
    return ms_meta_exec(&store->meta,
                        wait ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                        "set a transaction's durability", err);
}

int ms_store_begin_passing(struct ms_store *store, struct ms_err *err) {
    struct ms_err ignored;
    bool outer = store->undo.depth == 0;
    int code = may_begin(store, err);
    if (code == MS_OK && outer)
        code = wait_for_disk(store, false, err);
    if (code < 0)
        return code;
    code = ms_store_begin(store, err);
    if (code < 0 && outer)
        (void)wait_for_disk(store, true, &ignored);
    return code;
}

int ms_store_end_passing(struct ms_store *store, int code, struct ms_err *err) {
    struct ms_err ignored;
    code = ms_store_end(store, code, err);
    if (store->undo.depth == 0)
        (void)wait_for_disk(store, true, &ignored);
    return code;
}

void ms_store_rollback(struct ms_store *store) {
    struct ms_err ignored;
    size_t depth = store->undo.depth;
    if (depth == 0 || store->forks != ms_forks())
        return;
    bool lost = is_lost(store);
    ms_recall_clear(&store->meta.recall);
    if (lost)
        ms_undo_forget(&store->undo);
    else
        ms_undo_rollback(&store->undo, &store->place);
    if (depth > 1) {
        if (lost)
            return;
        (void)savepoint(store, "ROLLBACK TO s", &ignored);
        (void)savepoint(store, "RELEASE s", &ignored);
        return;
    }
    store->committed = 0;
    store->covering = 0;
    if (!lost)
        (void)ms_meta_run(&store->meta, "ROLLBACK", "roll back", &ignored);
}

int ms_store_cover(struct ms_store *store, struct ms_err *err) {
    int64_t highest = 0;
    char text[24];
    int code = ms_meta_sequence(&store->meta, &highest, err);
    if (code == MS_OK)
        code = ms_layer_sync(&store->place, err);
    if (code < 0)
        return code;
    (void)snprintf(text, sizeof text, "%lld", (long long)highest);
    store->covering = highest;
    code = ms_meta_set(&store->meta, "covered", text, err);
    if (code == MS_OK)
        store->uncovered_since = 0;
    return code;
}

/* Makes directory entries durable when a committed row is about to be and its entry may not be on
 * disk, or when the last such sync is long enough ago. */
static int cover_if_due(struct ms_store *store, struct ms_err *err) {
    bool due = store->uncovered_since != 0 &&
               ms_clock_steady_ns() - store->uncovered_since > COVER_AFTER_NS;
    bool needed = store->committed > atomic_load(&store->synced);
    return needed || due ? ms_store_cover(store, err) : MS_OK;
}

/* What waited for the rows to be durable. The rows are the truth now, so a failure here leaves
 * litter that cleanup finds; it is not the verb's failure. */
static void do_after(struct ms_store *store, bool synced) {
    struct ms_err ignored;
    for (size_t i = 0; i < store->undo.count; i++) {
        const struct ms_undo_entry *entry = &store->undo.entries[i];
        bool made = entry->step == MS_UNDO_UNMAKE || entry->step == MS_UNDO_DISCARD;
        if (!synced && (made || entry->step == MS_UNDO_UNMARK)) /* a marker is an entry, too */
            ms_store_made(store, made ? entry->number : 0);
        if (entry->step == MS_AFTER_TRASH && store->defers)
            ms_store_retire(store, entry->number);
        else if (entry->step == MS_AFTER_TRASH)
            (void)ms_layer_trash(&store->place, entry->number, &ignored);
        else if (entry->step == MS_AFTER_MARK)
            (void)ms_store_mark(store, entry->number, &ignored);
    }
    ms_undo_clear(&store->undo);
}

static int commit_outer(struct ms_store *store, struct ms_err *err) {
    int code = ms_store_make_pending(store, err);
    if (code == MS_OK)
        code = cover_if_due(store, err);
    if (code < 0) {
        ms_store_rollback(store);
        return code;
    }
    int64_t covered = store->covering; /* numbers of a COMMIT that fails are given again */
    store->committed = 0;
    store->covering = 0;
    code = ms_meta_run(&store->meta, "COMMIT", "commit the transaction", err);
    if (code < 0) {
        struct ms_err ignored;
        if (!sqlite3_get_autocommit(store->meta.db))
            (void)ms_meta_run(&store->meta, "ROLLBACK", "roll back", &ignored);
        ms_recall_clear(&store->meta.recall);
        ms_undo_clear(&store->undo);
        return code;
    }
    if (covered != 0)
        ms_store_synced(store, covered);
    ms_undo_release(&store->undo);
    do_after(store, covered != 0);
    return MS_OK;
}

int ms_store_commit_txn(struct ms_store *store, struct ms_err *err) {
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code < 0)
        return code;
    size_t depth = store->undo.depth;
    if (depth == 0)
        return ms_err_set(err, MS_FAILED_PRECONDITION, "no transaction is open");
    code = refuse_lost(store, err);
    if (code < 0) {
        ms_store_rollback(store);
        return code;
    }
    if (depth == 1)
        return commit_outer(store, err);
    code = savepoint(store, "RELEASE s", err);
    if (code < 0) {
        ms_store_rollback(store);
        return code;
    }
    ms_undo_release(&store->undo);
    return MS_OK;
}

int ms_store_end(struct ms_store *store, int code, struct ms_err *err) {
    if (code == MS_OK)
        return ms_store_commit_txn(store, err);
    ms_store_rollback(store);
    return code;
}

static int step_word(struct ms_store *store, const char *word, struct ms_err *err) {
    ms_auto_reset sqlite3_stmt *statement = NULL;
    int code = ms_meta_prepare(&store->meta, word, &statement, err);
    return code < 0 ? code : ms_meta_step(&store->meta, statement, "hold a read transaction", err);
}

int ms_store_hold(struct ms_store *store, struct ms_err *err) {
    if (store->held)
        return MS_OK;
    int code = ms_store_enter(store, NULL, NULL, err);
    if (code == MS_OK && !store->look)
        code = ms_err_set(err, MS_FAILED_PRECONDITION, "hold: the store was not opened to look");
    if (code == MS_OK)
        code = step_word(store, "BEGIN", err);
    store->held = code == MS_OK;
    return code;
}

void ms_store_release(struct ms_store *store) {
    struct ms_err ignored;
    if (store->held && store->forks == ms_forks())
        (void)step_word(store, "COMMIT", &ignored);
    store->held = false;
}
