/* Jobs on threads: lanes, slices, taking back, and when threads exist. */
#include "base/pool.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "unit_support.h"

/* How many threads this process has. */
static int threads(void) {
    DIR *dir = opendir("/proc/self/task");
    int count = 0;
    CHECK(dir != NULL);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static bool readable(const struct ms_pool *pool, int wait_ms) {
    struct pollfd fd = {.fd = ms_pool_fd(pool), .events = POLLIN};
    return poll(&fd, 1, wait_ms) == 1;
}

/* The next finished job, waited for. */
static struct ms_job *next(struct ms_pool *pool) {
    struct ms_job *job = ms_pool_next(pool);
    for (int i = 0; job == NULL && i < 100; i++) {
        CHECK(readable(pool, 10000));
        job = ms_pool_next(pool);
    }
    CHECK(job != NULL);
    return job;
}

static struct ms_pool *new_pool(size_t workers) {
    struct ms_err err = {0};
    struct ms_pool *pool = NULL;
    CHECK(ms_pool_new(workers, &pool, &err) == MS_OK);
    return pool;
}

static void add(struct ms_pool *pool, struct ms_job *job, enum ms_lane lane) {
    struct ms_err err = {0};
    CHECK(ms_pool_add(pool, job, lane, &err) == MS_OK);
}

/* A gate that jobs wait at, so that a test decides when they go on. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    int inside;
};

static int wait_at(void *object, struct ms_err *err) {
    struct gate *gate = object;
    (void)err;
    (void)pthread_mutex_lock(&gate->lock);
    gate->inside++;
    (void)pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        (void)pthread_cond_wait(&gate->changed, &gate->lock);
    (void)pthread_mutex_unlock(&gate->lock);
    return 0;
}

static void open_gate(struct gate *gate) {
    (void)pthread_mutex_lock(&gate->lock);
    gate->open = true;
    (void)pthread_cond_broadcast(&gate->changed);
    (void)pthread_mutex_unlock(&gate->lock);
}

static void wait_until_inside(struct gate *gate, int count) {
    (void)pthread_mutex_lock(&gate->lock);
    while (gate->inside < count)
        (void)pthread_cond_wait(&gate->changed, &gate->lock);
    (void)pthread_mutex_unlock(&gate->lock);
}

#define GATE                                                                                       \
    { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER }

static int count_up(void *object, struct ms_err *err) {
    (void)err;
    return ++*(int *)object < 10 ? 1 : 0;
}

static int fail(void *object, struct ms_err *err) {
    (void)object;
    return ms_err_set(err, MS_DATA_LOSS, "as told");
}

static int for_ever(void *object, struct ms_err *err) {
    (void)err;
    atomic_fetch_add((atomic_int *)object, 1);
    struct timespec pause = {.tv_nsec = 1000000};
    (void)nanosleep(&pause, NULL);
    return 1;
}

static int signals_blocked(void *object, struct ms_err *err) {
    sigset_t now;
    (void)err;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &now);
    *(bool *)object = sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGINT) == 1;
    return 0;
}

static void starts_threads_for_jobs_only(void) {
    int before = threads();
    struct ms_pool *pool = new_pool(3);
    CHECK(threads() == before && !readable(pool, 0) && ms_pool_next(pool) == NULL);
    int count = 0;
    struct ms_job job = {.run = count_up, .object = &count};
    add(pool, &job, MS_LANE_WORK);
    CHECK(next(pool) == &job && job.result == 0 && count == 10);
    CHECK(threads() == before + 1 && !readable(pool, 0));
    add(pool, &job, MS_LANE_WORK); /* an idle thread is there: no other starts */
    CHECK(next(pool) == &job && threads() <= before + 2);
    ms_pool_free(pool);
    CHECK(threads() == before);
}

static void tells_failures(void) {
    struct ms_pool *pool = new_pool(1);
    struct ms_job job = {.run = fail};
    add(pool, &job, MS_LANE_COMMIT);
    CHECK(next(pool) == &job && job.result == MS_DATA_LOSS && job.err.kind == MS_DATA_LOSS);
    CHECK_TEXT(job.err.text, "as told");
    ms_pool_free(pool);
}

static void commits_behind_no_work(void) {
    struct ms_pool *pool = new_pool(1);
    struct gate gate = GATE;
    struct ms_job work[3] = {{.run = wait_at, .object = &gate},
                             {.run = wait_at, .object = &gate},
                             {.run = wait_at, .object = &gate}};
    int count = 9;
    struct ms_job commit = {.run = count_up, .object = &count};
    for (size_t i = 0; i < 3; i++)
        add(pool, &work[i], MS_LANE_WORK);
    wait_until_inside(&gate, 1);
    add(pool, &commit, MS_LANE_COMMIT);
    CHECK(next(pool) == &commit && count == 10);
    open_gate(&gate);
    for (size_t i = 0; i < 3; i++)
        CHECK(next(pool) == &work[i]); /* one worker: in order */
    ms_pool_free(pool);
}

static void works_side_by_side(void) {
    struct ms_pool *pool = new_pool(2);
    struct gate gate = GATE;
    struct ms_job work[2] = {{.run = wait_at, .object = &gate}, {.run = wait_at, .object = &gate}};
    add(pool, &work[0], MS_LANE_WORK);
    add(pool, &work[1], MS_LANE_WORK);
    wait_until_inside(&gate, 2);
    open_gate(&gate);
    (void)next(pool);
    (void)next(pool);
    ms_pool_free(pool);
}

static void commits_side_by_side(void) {
    struct ms_pool *pool = new_pool(1);
    struct gate gate = GATE;
    struct ms_job waiting = {.run = wait_at, .object = &gate};
    for (int round = 0; round < 3; round++) {
        int count = 9;
        struct ms_job commit = {.run = count_up, .object = &count};
        gate = (struct gate)GATE;
        add(pool, &waiting, MS_LANE_COMMIT);
        add(pool, &commit, MS_LANE_COMMIT);
        CHECK(next(pool) == &commit && count == 10);
        open_gate(&gate);
        CHECK(next(pool) == &waiting);
    }
    ms_pool_free(pool);
}

static void hands_back_what_takes_long(void) {
    struct ms_pool *pool = new_pool(1);
    atomic_int rounds = 0;
    struct ms_job job = {.run = for_ever, .object = &rounds};
    add(pool, &job, MS_LANE_WORK);
    CHECK(next(pool) == &job && job.result == 1 && atomic_load(&rounds) > 1);
    int first = atomic_load(&rounds);
    add(pool, &job, MS_LANE_WORK);
    CHECK(next(pool) == &job && job.result == 1 && atomic_load(&rounds) > first);
    ms_pool_free(pool);
}

static void takes_back(void) {
    struct ms_pool *pool = new_pool(1);
    struct gate gate = GATE;
    int count = 0;
    struct ms_job running = {.run = wait_at, .object = &gate};
    struct ms_job waiting = {.run = count_up, .object = &count};
    struct ms_job finished = {.run = count_up, .object = &count};
    add(pool, &finished, MS_LANE_WORK);
    CHECK(readable(pool, 10000));
    CHECK(ms_pool_take(pool, &finished) && count == 10);
    add(pool, &running, MS_LANE_WORK);
    wait_until_inside(&gate, 1);
    add(pool, &waiting, MS_LANE_WORK);
    CHECK(!ms_pool_take(pool, &waiting) && count == 10);
    open_gate(&gate);
    CHECK(ms_pool_take(pool, &running));
    CHECK(ms_pool_next(pool) == NULL && !readable(pool, 0));
    atomic_int rounds = 0;
    struct ms_job slow = {.run = for_ever, .object = &rounds};
    add(pool, &slow, MS_LANE_WORK);
    while (atomic_load(&rounds) == 0)
        (void)sched_yield();
    CHECK(ms_pool_take(pool, &slow)); /* after the step it is in */
    ms_pool_free(pool);
}

static void blocks_signals_in_threads(void) {
    struct ms_pool *pool = new_pool(1);
    bool blocked = false;
    struct ms_job job = {.run = signals_blocked, .object = &blocked};
    sigset_t mine;
    add(pool, &job, MS_LANE_WORK);
    CHECK(next(pool) == &job && blocked);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mine) == 0 && sigismember(&mine, SIGTERM) == 0);
    ms_pool_free(pool);
}

static void does_many(void) {
    enum { MANY = 2000 };
    static struct ms_job jobs[MANY];
    static int counts[MANY];
    struct ms_pool *pool = new_pool(4);
    for (int i = 0; i < MANY; i++) {
        jobs[i] = (struct ms_job){.run = count_up, .object = &counts[i]};
        add(pool, &jobs[i], i % 5 == 0 ? MS_LANE_COMMIT : MS_LANE_WORK);
    }
    for (int i = 0; i < MANY; i++)
        CHECK(next(pool)->result == 0);
    for (int i = 0; i < MANY; i++)
        CHECK(counts[i] == 10);
    CHECK(ms_pool_next(pool) == NULL && !readable(pool, 0));
    ms_pool_free(pool);
}

int main(void) {
    RUN(starts_threads_for_jobs_only);
    RUN(tells_failures);
    RUN(commits_behind_no_work);
    RUN(works_side_by_side);
    RUN(commits_side_by_side);
    RUN(hands_back_what_takes_long);
    RUN(takes_back);
    RUN(blocks_signals_in_threads);
    RUN(does_many);
    return 0;
}
