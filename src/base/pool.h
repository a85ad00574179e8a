/* pool.h - C jobs on threads, and a descriptor that says when some have finished.
 *
 *     lane      threads        for
 *     commit    up to four     what must not stand behind anything: it waits for the disk, or for
 *                              another process; one job of each store at a time
 *     work      as many as     walks, deletion, syncs
 *               new was told
 *
 * A thread is started for a job that finds none idle, as long as its lane may have more; a pool
 * without jobs has none. All signals are blocked in them. Jobs of a lane start in the order in
 * which they came. A job belongs to who made it; from ms_pool_add until ms_pool_next answers it, or
 * ms_pool_take has taken it back, the pool borrows it, and what its function touches belongs to the
 * thread alone. All functions here but a job's own are for one thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum ms_lane { MS_LANE_WORK, MS_LANE_COMMIT };

struct ms_pool;

struct ms_job {
    /* Runs on a thread: 0 done, 1 more to do (the pool calls again, or hands the job back when its
     * time is over), or a negative kind, which it has written into *err. */
    int (*run)(void *object, struct ms_err *err);
    void *object;
    int result; /* what run answered last */
    struct ms_err err;
    /* the pool's */
    enum ms_lane lane;
    int state;
    atomic_bool stop;
    struct ms_job *next;
};

/* At most this long runs a job that answers 1 before it is handed back with result 1. */
#define MS_POOL_SLICE_MS 50

/* Fails: resource_exhausted. */
int ms_pool_new(size_t workers, struct ms_pool **out, struct ms_err *err);

/* An eventfd, readable while finished jobs wait. Borrowed. */
int ms_pool_fd(const struct ms_pool *pool);

/* Queues job. Fails with resource_exhausted when no thread can be started; job is free then. */
int ms_pool_add(struct ms_pool *pool, struct ms_job *job, enum ms_lane lane, struct ms_err *err);

/* The next job that has finished, or NULL. */
struct ms_job *ms_pool_next(struct ms_pool *pool);

/* Takes a job back that ms_pool_next has not answered: one that waits does not start; one that runs
 * is waited for. Answers whether it ever ran. */
bool ms_pool_take(struct ms_pool *pool, struct ms_job *job);

/* Ends the threads; all jobs must have been answered or taken. NULL is fine. */
void ms_pool_free(struct ms_pool *pool);
