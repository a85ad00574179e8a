/* load.c - a client that costs little and does the same to every server: one connection, a number
 * of callers each of which sends its next call when its last one is answered.
 *
 *     load SOCKET OPERATION CALLERS [NAME=VALUE...]
 *
 * Operations and the keys they use (i is the number of the call, from `from` on):
 *     stat, mounts     KEY-<some i below rows>, all of them in no order that a disk likes
 *     prepare          KEY-i on `parent`
 *     commit           KEY-i as NAME-i
 *     remove           KEY-i
 *     chain            prepare and commit in turn: KEY-1, KEY-2 on it, and so on; one caller
 *     list             everything; counts the infos
 *
 * Names: calls and seconds (what ends first), key, name, parent, labels (how many on what is
 * prepared), rows, from, pid (whose processor time is told).
 *
 * Requests are made by hand; replies are read, their messages counted, and dropped. Every call must
 * end with status 0. Prints one line: calls, nanoseconds, nanoseconds of pid, p50, p99, infos.
 */
#include <nghttp2/nghttp2.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CALLERS_MAX = 1024, REQUEST_MAX = 1024, WINDOW = 16 << 20 };

/* Where in a reply a caller is: what is left of the five bytes before a message, of the message,
 * and of the info in it. */
struct reply {
    uint8_t head[5];
    size_t head_size, message_left, skip;
    uint64_t length;
    int shift;
    bool in_length;
};

struct caller {
    char request[REQUEST_MAX];
    size_t size, sent;
    int64_t began;
    bool good;
    struct reply reply;
};

struct load {
    nghttp2_session *session;
    struct caller callers[CALLERS_MAX];
    const char *operation, *key, *name, *parent;
    long calls, rows, from, labels, pid;
    long begun, ended, infos;
    int64_t until;
    uint32_t *times;
    size_t room;
};

static void die(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    (void)fputs("load: ", stderr);
    (void)vfprintf(stderr, format, rest);
    (void)fputc('\n', stderr);
    va_end(rest);
    exit(1);
}

static int64_t clock_now(clockid_t clock) {
    struct timespec at;
    if (clock_gettime(clock, &at) != 0)
        die("no such clock: is the server gone?");
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* -- Requests -----------------------------------------------------------------------------------
 */

/* A field of less than 128 bytes; none when the text is empty. */
static void put(struct caller *caller, int field, const char *text, size_t size) {
    if (size == 0)
        return;
    if (size > 127 || caller->size + size + 2 > REQUEST_MAX)
        die("'%s' is too long", text);
    caller->request[caller->size++] = (char)(field << 3 | 2);
    caller->request[caller->size++] = (char)size;
    memcpy(caller->request + caller->size, text, size);
    caller->size += size;
}

__attribute__((format(printf, 3, 4))) static void put_text(struct caller *caller, int field,
                                                           const char *format, ...) {
    char text[256];
    va_list rest;
    va_start(rest, format);
    int size = vsnprintf(text, sizeof text, format, rest);
    va_end(rest);
    put(caller, field, text, (size_t)size);
}

static void put_labels(struct caller *caller, long count) {
    for (long i = 0; i < count; i++) {
        char pair[128];
        char name[64];
        char value[64];
        int name_size = snprintf(name, sizeof name, "containerd.io/snapshot.label-%ld", i);
        int value_size = snprintf(value, sizeof value, "sha256:%032ld", i);
        int size =
            snprintf(pair, sizeof pair, "\x0a%c%s\x12%c%s", name_size, name, value_size, value);
        put(caller, 4, pair, (size_t)size);
    }
}

static const char *put_prepare(struct load *load, struct caller *caller, long i) {
    put_text(caller, 2, "%s-%ld", load->key, i);
    put_text(caller, 3, "%s", load->parent);
    put_labels(caller, load->labels);
    return "Prepare";
}

static const char *put_chain(struct load *load, struct caller *caller, long i) {
    long layer = i / 2 + 1;
    if (i % 2 == 1) {
        put_text(caller, 2, "%s-%ld", load->key, layer);
        put_text(caller, 3, "making-%ld", layer);
        return "Commit";
    }
    put_text(caller, 2, "making-%ld", layer);
    if (layer > 1)
        put_text(caller, 3, "%s-%ld", load->key, layer - 1);
    return "Prepare";
}

/* Writes the message of call i and answers its method. */
static const char *put_message(struct load *load, struct caller *caller, long i) {
    const char *operation = load->operation;
    put_text(caller, 1, "overlayfs");
    if (strcmp(operation, "list") == 0)
        return "List";
    if (strcmp(operation, "chain") == 0)
        return put_chain(load, caller, i);
    i += load->from;
    if (strcmp(operation, "prepare") == 0)
        return put_prepare(load, caller, i);
    if (strcmp(operation, "commit") == 0) {
        put_text(caller, 2, "%s-%ld", load->name, i);
        put_text(caller, 3, "%s-%ld", load->key, i);
        return "Commit";
    }
    if (strcmp(operation, "remove") == 0) {
        put_text(caller, 2, "%s-%ld", load->key, i);
        return "Remove";
    }
    put_text(caller, 2, "%s-%ld", load->key, i * 7919 % load->rows);
    if (strcmp(operation, "stat") == 0)
        return "Stat";
    if (strcmp(operation, "mounts") == 0)
        return "Mounts";
    die("there is no operation '%s'", operation);
    return NULL;
}

static ssize_t read_request(nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t size,
                            uint32_t *flags, nghttp2_data_source *source, void *user) {
    (void)session, (void)stream, (void)user;
    struct caller *caller = source->ptr;
    size_t left = caller->size - caller->sent;
    if (size > left)
        size = left;
    memcpy(buffer, caller->request + caller->sent, size);
    caller->sent += size;
    if (caller->sent == caller->size)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)size;
}

static nghttp2_nv header(const char *name, const char *value) {
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
                        NGHTTP2_NV_FLAG_NONE};
}

static void submit(struct load *load, struct caller *caller) {
    caller->size = 5;
    caller->sent = 0;
    caller->good = false;
    caller->reply = (struct reply){0};
    const char *method = put_message(load, caller, load->begun++);
    size_t size = caller->size - 5;
    memcpy(caller->request, (char[]){0, 0, 0, (char)(size >> 8), (char)size}, 5);
    char path[96];
    (void)snprintf(path, sizeof path, "/containerd.services.snapshots.v1.Snapshots/%s", method);
    nghttp2_nv headers[] = {header(":method", "POST"),
                            header(":scheme", "http"),
                            header(":path", path),
                            header(":authority", "localhost"),
                            header("content-type", "application/grpc"),
                            header("user-agent", "load"),
                            header("te", "trailers")};
    nghttp2_data_provider body = {.source.ptr = caller, .read_callback = read_request};
    caller->began = clock_now(CLOCK_MONOTONIC);
    if (nghttp2_submit_request(load->session, NULL, headers, sizeof headers / sizeof *headers,
                               &body, caller) < 0)
        die("a request was refused");
}

/* -- Replies ------------------------------------------------------------------------------------
 */

/* Counts the infos of a List's reply: fields one after the other, each a tag, a length, bytes. */
static void count_infos(struct load *load, struct reply *reply, const uint8_t *at, size_t size) {
    while (size > 0) {
        if (reply->skip > 0) {
            size_t step = reply->skip < size ? reply->skip : size;
            reply->skip -= step, at += step, size -= step;
        } else if (!reply->in_length) {
            if (*at != 0x0a)
                die("a List answered with something else");
            reply->in_length = true, reply->length = 0, reply->shift = 0;
            load->infos++;
            at++, size--;
        } else {
            reply->length |= (uint64_t)(*at & 127) << reply->shift;
            reply->shift += 7;
            if (*at < 128)
                reply->in_length = false, reply->skip = reply->length;
            at++, size--;
        }
    }
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *at,
                   size_t size, void *user) {
    (void)flags;
    struct load *load = user;
    struct caller *caller = nghttp2_session_get_stream_user_data(session, stream);
    struct reply *reply = caller ? &caller->reply : NULL;
    bool list = load->operation[0] == 'l';
    while (reply && size > 0) {
        size_t step = 1;
        if (reply->message_left > 0) {
            step = reply->message_left < size ? reply->message_left : size;
            if (list)
                count_infos(load, reply, at, step);
            reply->message_left -= step;
        } else {
            reply->head[reply->head_size++] = *at;
            if (reply->head_size == 5) {
                const uint8_t *head = reply->head;
                reply->head_size = 0;
                reply->message_left =
                    (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
            }
        }
        at += step, size -= step;
    }
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t size, uint8_t flags,
                     void *user) {
    (void)flags, (void)user;
    struct caller *caller = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (caller && name_size == 11 && memcmp(name, "grpc-status", 11) == 0)
        caller->good = size == 1 && *value == '0';
    else if (name_size == 12 && memcmp(name, "grpc-message", 12) == 0 && size > 0)
        die("a %s failed: %.*s", ((struct load *)user)->operation, (int)size, (const char *)value);
    return 0;
}

static void record(struct load *load, int64_t took) {
    if ((size_t)load->ended == load->room) {
        load->room = load->room ? load->room * 2 : 1 << 16;
        load->times = realloc(load->times, load->room * sizeof *load->times);
        if (!load->times)
            die("no memory");
    }
    load->times[load->ended++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user) {
    struct load *load = user;
    struct caller *caller = nghttp2_session_get_stream_user_data(session, stream);
    if (!caller || !caller->good)
        die("a %s was not answered with 0 (HTTP/2: %u)", load->operation, code);
    int64_t at = clock_now(CLOCK_MONOTONIC);
    record(load, at - caller->began);
    if (load->begun < load->calls && at < load->until)
        submit(load, caller);
    return 0;
}

/* -- The connection -----------------------------------------------------------------------------
 */

static int dial(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (strlen(path) >= sizeof address.sun_path)
        die("%s: too long", path);
    strcpy(address.sun_path, path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("%s: no connection", path);
    return fd;
}

static void begin(struct load *load) {
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        die("no memory");
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    if (nghttp2_session_client_new(&load->session, callbacks, load) != 0)
        die("no memory");
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
                                         {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    if (nghttp2_submit_settings(load->session, NGHTTP2_FLAG_NONE, settings, 2) != 0 ||
        nghttp2_session_set_local_window_size(load->session, NGHTTP2_FLAG_NONE, 0, WINDOW) != 0)
        die("no settings");
}

static void send_all(struct load *load, int fd) {
    static uint8_t buffer[1 << 17];
    size_t size = 0;
    for (;;) {
        const uint8_t *bytes;
        ssize_t got = nghttp2_session_mem_send(load->session, &bytes);
        if (got < 0 || (size_t)got > sizeof buffer)
            die("nothing to send");
        if (got == 0 || size + (size_t)got > sizeof buffer) {
            for (size_t sent = 0; sent < size;) {
                ssize_t some = send(fd, buffer + sent, size - sent, MSG_NOSIGNAL);
                if (some < 0)
                    die("the server is gone");
                sent += (size_t)some;
            }
            size = 0;
        }
        if (got == 0)
            return;
        memcpy(buffer + size, bytes, (size_t)got);
        size += (size_t)got;
    }
}

static void run(struct load *load, int fd, long callers) {
    static uint8_t buffer[1 << 18];
    for (long i = 0; i < callers && load->begun < load->calls; i++)
        submit(load, &load->callers[i]);
    for (;;) {
        send_all(load, fd);
        if (load->ended == load->begun)
            return;
        ssize_t got = recv(fd, buffer, sizeof buffer, 0);
        if (got <= 0)
            die("the server hung up");
        if (nghttp2_session_mem_recv(load->session, buffer, (size_t)got) != got)
            die("that is not HTTP/2");
    }
}

/* -- The command --------------------------------------------------------------------------------
 */

static int by_size(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static double read_options(struct load *load, char **words, int count) {
    double seconds = 3600;
    struct {
        const char *name;
        long *number;
        const char **text;
    } options[] = {{"calls", &load->calls, NULL}, {"rows", &load->rows, NULL},
                   {"from", &load->from, NULL},   {"labels", &load->labels, NULL},
                   {"pid", &load->pid, NULL},     {"key", NULL, &load->key},
                   {"name", NULL, &load->name},   {"parent", NULL, &load->parent}};
    for (int i = 0; i < count; i++) {
        char *value = strchr(words[i], '=');
        if (!value)
            die("'%s' is not NAME=VALUE", words[i]);
        *value++ = 0;
        bool known = strcmp(words[i], "seconds") == 0;
        if (known)
            seconds = strtod(value, NULL);
        for (size_t j = 0; j < sizeof options / sizeof *options; j++) {
            if (strcmp(options[j].name, words[i]) != 0)
                continue;
            known = true;
            if (options[j].number)
                *options[j].number = strtol(value, NULL, 10);
            else
                *options[j].text = value;
        }
        if (!known)
            die("there is no '%s'", words[i]);
    }
    return seconds;
}

int main(int argc, char **argv) {
    static struct load load = {
        .calls = INT32_MAX, .rows = 1, .key = "key", .name = "name", .parent = ""};
    if (argc < 4)
        die("usage: load SOCKET OPERATION CALLERS [NAME=VALUE...]");
    long callers = strtol(argv[3], NULL, 10);
    if (callers < 1 || callers > CALLERS_MAX)
        die("1 to %d callers", CALLERS_MAX);
    load.operation = argv[2];
    double seconds = read_options(&load, argv + 4, argc - 4);
    clockid_t server = CLOCK_PROCESS_CPUTIME_ID;
    if (load.pid > 0 && clock_getcpuclockid((pid_t)load.pid, &server) != 0)
        die("no process %ld", load.pid);
    int fd = dial(argv[1]);
    begin(&load);
    send_all(&load, fd);

    int64_t cpu = clock_now(server);
    int64_t start = clock_now(CLOCK_MONOTONIC);
    load.until = start + (int64_t)(seconds * 1e9);
    run(&load, fd, callers);
    int64_t took = clock_now(CLOCK_MONOTONIC) - start;
    cpu = clock_now(server) - cpu;

    qsort(load.times, (size_t)load.ended, sizeof *load.times, by_size);
    printf("%ld %lld %lld %u %u %ld\n", load.ended, (long long)took, (long long)cpu,
           load.times[load.ended / 2], load.times[load.ended * 99 / 100], load.infos);
    nghttp2_session_del(load.session);
    free(load.times);
    close(fd);
    return 0;
}
