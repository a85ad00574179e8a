#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"

#define LANES 2
#define COMMITTERS 4 /* stores that wait for the disk, or for another process, at once */
#define STACK_BYTES (512 * 1024) /* tree walks keep their state on the heap */

enum state { WAITS, RUNS, FINISHED, ANSWERED };

struct queue {
    struct ms_job *first;
    struct ms_job *last;
};

struct lane {
    struct ms_pool *pool;
    struct queue waiting;
    size_t jobs; /* in waiting */
    pthread_cond_t wake;
    pthread_t *threads;
    size_t started;
    size_t limit;
    size_t idle;
};

struct ms_pool {
    pthread_mutex_t lock;
    pthread_cond_t done; /* a job has finished */
    struct lane lanes[LANES];
    struct queue finished;
    bool told; /* the descriptor is readable */
    bool ends;
    int fd;
};

/* ---- queues, with the lock held --------------------------------------------------------------*/

static void push(struct queue *queue, struct ms_job *job) {
    job->next = NULL;
    if (queue->last != NULL)
        queue->last->next = job;
    else
        queue->first = job;
    queue->last = job;
}

static struct ms_job *pop(struct queue *queue) {
    struct ms_job *job = queue->first;
    if (job == NULL)
        return NULL;
    queue->first = job->next;
    if (queue->first == NULL)
        queue->last = NULL;
    return job;
}

static void drop(struct queue *queue, const struct ms_job *job) {
    struct queue rest = {0};
    struct ms_job *each;
    while ((each = pop(queue)) != NULL)
        if (each != job)
            push(&rest, each);
    *queue = rest;
}

static void finish(struct ms_pool *pool, struct ms_job *job) {
    static const uint64_t one = 1;
    job->state = FINISHED;
    push(&pool->finished, job);
    if (!pool->told)
        pool->told = write(pool->fd, &one, sizeof one) > 0;
}

/* ---- threads ---------------------------------------------------------------------------------*/

static int64_t now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void run(struct ms_job *job) {
    int64_t until = now_ms() + MS_POOL_SLICE_MS;
    do {
        job->result = job->run(job->object, &job->err);
    } while (job->result == 1 && !atomic_load(&job->stop) && now_ms() < until);
}

static void *live(void *context) {
    struct lane *lane = context;
    struct ms_pool *pool = lane->pool;
    (void)pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct ms_job *job = pop(&lane->waiting);
        if (job == NULL && pool->ends)
            break;
        if (job == NULL) {
            lane->idle++;
            (void)pthread_cond_wait(&lane->wake, &pool->lock);
            lane->idle--;
            continue;
        }
        lane->jobs--;
        job->state = RUNS;
        (void)pthread_mutex_unlock(&pool->lock);
        run(job);
        (void)pthread_mutex_lock(&pool->lock);
        finish(pool, job);
        (void)pthread_cond_broadcast(&pool->done);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* One more thread for a lane; the lock is held. */
static int start(struct lane *lane, struct ms_err *err) {
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int sys = pthread_create(&lane->threads[lane->started], &attr, live, lane);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    if (sys != 0)
        return ms_err_sys(err, sys, "start a thread");
    lane->started++;
    return MS_OK;
}

/* ---- the owner's side ------------------------------------------------------------------------*/

int ms_pool_new(size_t workers, struct ms_pool **out, struct ms_err *err) {
    struct ms_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return ms_err_memory(err);
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->done, NULL);
    bool memory = true;
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &pool->lanes[i];
        lane->pool = pool;
        lane->limit = i == MS_LANE_COMMIT ? COMMITTERS : workers == 0 ? 1 : workers;
        lane->threads = calloc(lane->limit, sizeof *lane->threads);
        (void)pthread_cond_init(&lane->wake, NULL);
        memory = memory && lane->threads != NULL;
    }
    pool->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int sys = errno;
    if (!memory || pool->fd < 0) {
        bool no_fd = pool->fd < 0;
        ms_pool_free(pool);
        return no_fd ? ms_err_sys(err, sys, "make a pool") : ms_err_memory(err);
    }
    *out = pool;
    return MS_OK;
}

int ms_pool_fd(const struct ms_pool *pool) { return pool->fd; }

int ms_pool_add(struct ms_pool *pool, struct ms_job *job, enum ms_lane lane_of,
                struct ms_err *err) {
    struct lane *lane = &pool->lanes[lane_of];
    int code = MS_OK;
    job->lane = lane_of;
    job->result = 0;
    atomic_store(&job->stop, false);
    (void)pthread_mutex_lock(&pool->lock);
    if (lane->idle <= lane->jobs && lane->started < lane->limit) /* the idle ones have work */
        code = start(lane, err);
    if (code < 0 && lane->started > 0)
        code = MS_OK; /* the ones that are there will come to it */
    if (code == MS_OK) {
        job->state = WAITS;
        push(&lane->waiting, job);
        lane->jobs++;
        (void)pthread_cond_signal(&lane->wake);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return code;
}

struct ms_job *ms_pool_next(struct ms_pool *pool) {
    uint64_t count;
    (void)pthread_mutex_lock(&pool->lock);
    struct ms_job *job = pop(&pool->finished);
    if (job != NULL)
        job->state = ANSWERED;
    if (pool->told && pool->finished.first == NULL)
        pool->told = read(pool->fd, &count, sizeof count) < 0;
    (void)pthread_mutex_unlock(&pool->lock);
    return job;
}

bool ms_pool_take(struct ms_pool *pool, struct ms_job *job) {
    (void)pthread_mutex_lock(&pool->lock);
    bool ran = job->state != WAITS;
    if (!ran) {
        drop(&pool->lanes[job->lane].waiting, job);
        pool->lanes[job->lane].jobs--;
    }
    atomic_store(&job->stop, true);
    while (job->state == RUNS)
        (void)pthread_cond_wait(&pool->done, &pool->lock);
    if (job->state == FINISHED)
        drop(&pool->finished, job);
    job->state = ANSWERED;
    (void)pthread_mutex_unlock(&pool->lock);
    return ran;
}

void ms_pool_free(struct ms_pool *pool) {
    if (pool == NULL)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->ends = true;
    for (size_t i = 0; i < LANES; i++)
        (void)pthread_cond_broadcast(&pool->lanes[i].wake);
    (void)pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < LANES; i++) {
        for (size_t t = 0; t < pool->lanes[i].started; t++)
            (void)pthread_join(pool->lanes[i].threads[t], NULL);
        (void)pthread_cond_destroy(&pool->lanes[i].wake);
        free(pool->lanes[i].threads);
    }
    (void)pthread_cond_destroy(&pool->done);
    (void)pthread_mutex_destroy(&pool->lock);
    ms_own_close(&pool->fd);
    free(pool);
}
