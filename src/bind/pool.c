/* Threads for the loop: what is busy on them, and what has finished.
 *
 * A job holds the box of what it works on: busy from here until finished() names its ticket. The
 * pool's user value 2 maps tickets to what must not be collected meanwhile.
 */
#include "base/pool.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/err.h"
#include "bind/box.h"
#include "bind/failure.h"
#include "bind/rpc.h"
#include "bind/steps.h"
#include "bind/store.h"
#include "engine/store/store.h"
#include "rpc/loop.h"

struct pool {
    struct ms_pool *threads;
    struct ms_loop *loop;
    struct ms_source source;
    lua_Integer tickets; /* given so far */
    struct job *jobs;
};

struct job {
    struct ms_busy busy;
    struct ms_job job;
    struct pool *pool;
    struct ms_box *box;   /* what is busy */
    struct ms_box *other; /* what is busy, too, or NULL */
    struct ms_box *guard; /* to be filled when a begin succeeds, or NULL */
    bool transacts;       /* the object is a store, in a transaction or about to be */
    lua_Integer ticket;
    struct job *next;
    struct job *previous;
};

/* ---- jobs ------------------------------------------------------------------------------------*/

static void end_job(struct job *job) {
    job->box->busy = NULL;
    if (job->other != NULL)
        job->other->busy = NULL;
    if (job->previous != NULL)
        job->previous->next = job->next;
    else
        job->pool->jobs = job->next;
    if (job->next != NULL)
        job->next->previous = job->previous;
    free(job);
}

/* The box goes before its job has been answered: nobody will hear of it, nor end what it began. */
static void settle(struct ms_busy *busy) {
    struct job *job = (struct job *)busy; /* its first member */
    (void)ms_pool_take(job->pool->threads, &job->job);
    if (job->transacts)
        ms_store_rollback(job->box->object);
    end_job(job);
}

static struct job *new_job(struct pool *pool, struct ms_box *box) {
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return NULL;
    job->busy.settle = settle;
    job->pool = pool;
    job->box = box;
    job->job.object = box->object;
    job->next = pool->jobs;
    if (job->next != NULL)
        job->next->previous = job;
    pool->jobs = job;
    box->busy = &job->busy;
    return job;
}

/* ---- the pool --------------------------------------------------------------------------------*/

static void free_pool(void *object) {
    struct pool *pool = object;
    while (pool->jobs != NULL)
        settle(&pool->jobs->busy);
    if (pool->threads != NULL)
        ms_loop_remove(pool->loop, &pool->source);
    ms_pool_free(pool->threads);
    free(pool);
}

static const struct ms_class pool_class = {
    .name = "moonsnap.rpc.pool", .word = "pool", .free = free_pool};

static void on_finished(struct ms_source *source, uint32_t events) {
    (void)events;
    const struct pool *pool =
        (const struct pool *)(const void *)((char *)source - offsetof(struct pool, source));
    ms_loop_poke(pool->loop);
}

static int open_pool(struct pool *pool, size_t workers, struct ms_err *err) {
    struct ms_pool *threads = NULL;
    int code = ms_pool_new(workers, &threads, err);
    if (code < 0)
        return code;
    pool->source =
        (struct ms_source){.ready = on_finished, .fd = ms_pool_fd(threads), .events = EPOLLIN};
    code = ms_loop_add(pool->loop, &pool->source, err);
    if (code < 0)
        ms_pool_free(threads);
    else
        pool->threads = threads;
    return code;
}

/* pool(loop, workers) -> pool */
int ms_pool_lua(lua_State *L) {
    struct ms_err err;
    struct ms_loop *loop = ms_rpc_loop_check(L, 1);
    lua_Integer workers = luaL_checkinteger(L, 2);
    luaL_argcheck(L, workers >= 1 && workers <= 64, 2, "1 to 64 workers");
    struct ms_box *box = ms_box_new(L, &pool_class, 1);
    lua_newtable(L);
    lua_setiuservalue(L, -2, 2);
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        (void)ms_err_memory(&err);
        return ms_failure(L, &err);
    }
    pool->loop = loop;
    ms_box_fill(box, pool);
    if (open_pool(pool, (size_t)workers, &err) < 0)
        return ms_failure(L, &err);
    return 1;
}

/* Remembers the value at argument 2 by the ticket of the next job. */
static void keep(lua_State *L, const struct pool *pool) {
    lua_getiuservalue(L, 1, 2);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, pool->tickets + 1);
    lua_pop(L, 1);
}

/* Starts a job on box; pushes its ticket, or nil, err. */
static int start(lua_State *L, struct pool *pool, struct job *job, enum ms_lane lane) {
    struct ms_err err;
    if (job == NULL) {
        (void)ms_err_memory(&err);
        return ms_failure(L, &err);
    }
    job->ticket = ++pool->tickets;
    if (ms_pool_add(pool->threads, &job->job, lane, &err) < 0) {
        end_job(job);
        return ms_failure(L, &err);
    }
    lua_pushinteger(L, job->ticket);
    return 1;
}

/* pool:run(work) -> ticket */
static int run(lua_State *L) {
    struct pool *pool = ms_box_check(L, 1, &pool_class);
    struct ms_box *box = ms_box_check_work(L, 2);
    lua_settop(L, 2);
    keep(L, pool);
    struct job *job = new_job(pool, box);
    if (job != NULL)
        job->job.run = box->class->step;
    return start(L, pool, job, MS_LANE_WORK);
}

static int run_commit(void *store, struct ms_err *err) { return ms_store_commit_txn(store, err); }

/* pool:commit(guard) -> ticket: ends its transaction, whatever finished() says of it */
static int commit(lua_State *L) {
    struct pool *pool = ms_box_check(L, 1, &pool_class);
    struct ms_box *guard = ms_guard_check_begun(L, 2);
    lua_settop(L, 2);
    keep(L, pool);
    struct job *job = new_job(pool, guard->parent);
    if (job == NULL)
        return start(L, pool, job, MS_LANE_COMMIT);
    job->job.run = run_commit;
    job->transacts = true;
    int results = start(L, pool, job, MS_LANE_COMMIT);
    if (results == 1)
        ms_box_empty(guard);
    return results;
}

static int run_begin(void *store, struct ms_err *err) { return ms_store_begin(store, err); }

/* pool:begin(guard) -> ticket: waits at the gate */
static int begin(lua_State *L) {
    struct pool *pool = ms_box_check(L, 1, &pool_class);
    struct ms_box *guard = ms_guard_check_idle(L, 2);
    lua_settop(L, 2);
    keep(L, pool);
    struct job *job = new_job(pool, guard->parent);
    if (job != NULL) {
        job->job.run = run_begin;
        job->transacts = true;
        job->guard = guard;
    }
    return start(L, pool, job, MS_LANE_COMMIT);
}

static int run_compare(void *cleanup, struct ms_err *err) {
    return ms_cleanup_compare(cleanup, err);
}

/* pool:compare(cleanup) -> ticket: its comparing half, with its store */
static int compare(lua_State *L) {
    struct pool *pool = ms_box_check(L, 1, &pool_class);
    struct ms_box *cleanup = ms_cleanup_check(L, 2);
    luaL_argcheck(L, cleanup->parent != NULL && cleanup->parent->busy == NULL, 2, "store is busy");
    lua_settop(L, 2);
    keep(L, pool);
    struct job *job = new_job(pool, cleanup->parent);
    if (job != NULL) {
        job->job.run = run_compare;
        job->job.object = cleanup->object;
        job->other = cleanup;
        cleanup->busy = &job->busy;
    }
    return start(L, pool, job, MS_LANE_COMMIT);
}

/* pool:finished() -> ticket, true (done) | false (its time was over: run it again) | nil, err */
static int finished(lua_State *L) {
    struct pool *pool = ms_box_check(L, 1, &pool_class);
    struct ms_job *next = ms_pool_next(pool->threads);
    if (next == NULL)
        return 0;
    struct job *job = (struct job *)((char *)next - offsetof(struct job, job));
    struct ms_err err = next->err;
    int result = next->result;
    lua_Integer ticket = job->ticket;
    if (job->guard != NULL && result == 0)
        ms_box_fill(job->guard, job->box->object);
    end_job(job);
    lua_getiuservalue(L, 1, 2);
    lua_pushnil(L);
    lua_rawseti(L, -2, ticket);
    lua_pushinteger(L, ticket);
    if (result < 0)
        return 1 + ms_failure(L, &err);
    lua_pushboolean(L, result == 0);
    return 2;
}

/* pool:fd() -> a descriptor that is readable while finished() has something */
static int fd(lua_State *L) {
    const struct pool *pool = ms_box_check(L, 1, &pool_class);
    lua_pushinteger(L, ms_pool_fd(pool->threads));
    return 1;
}

void ms_pool_setup(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"run", run}, {"commit", commit},   {"begin", begin}, {"finished", finished},
        {"fd", fd},   {"compare", compare}, {NULL, NULL}};
    ms_class_register(L, &pool_class, methods);
}
