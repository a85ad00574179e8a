/* frames FILE: what an HTTP/2 server has sent, a line a frame, its headers unpacked.
 *
 *     HEADERS 1 end :status=200 content-type=application/grpc grpc-status=5 grpc-message=...
 *     DATA 1 27            its bytes (end when the stream ends with it)
 *     RST_STREAM 1 8       the code
 *     GOAWAY 0 11          the code
 *     PING 0 ack           SETTINGS and WINDOW_UPDATE likewise, without their content
 *     CUT                  the last frame is not whole
 */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {"DATA", "HEADERS", "PRIORITY", "RST_STREAM",    "SETTINGS",
                                    "PUSH", "PING",    "GOAWAY",   "WINDOW_UPDATE", "CONTINUATION"};

static unsigned long number(const unsigned char *bytes) {
    return ((unsigned long)bytes[0] << 24) | ((unsigned long)bytes[1] << 16) |
           ((unsigned long)bytes[2] << 8) | bytes[3];
}

static void print_headers(nghttp2_hd_inflater *inflater, const unsigned char *block, size_t size) {
    nghttp2_nv field;
    int flags = 0;
    while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
        flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, block, size, 1);
        if (used < 0) {
            printf(" BAD");
            return;
        }
        block += used;
        size -= (size_t)used;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
            printf(" %s=%s", field.name, field.value);
    }
    (void)nghttp2_hd_inflate_end_headers(inflater);
}

static void print_frame(nghttp2_hd_inflater *inflater, const unsigned char *head, size_t size) {
    unsigned type = head[3];
    unsigned flags = head[4];
    const unsigned char *payload = head + 9;
    printf("%s %lu", type < sizeof names / sizeof *names ? names[type] : "?", number(head + 5));
    if ((type == NGHTTP2_SETTINGS || type == NGHTTP2_PING) && (flags & NGHTTP2_FLAG_ACK) != 0)
        printf(" ack");
    if (type == NGHTTP2_DATA)
        printf(" %zu", size);
    if (type == NGHTTP2_RST_STREAM && size >= 4)
        printf(" %lu", number(payload));
    if (type == NGHTTP2_GOAWAY && size >= 8)
        printf(" %lu", number(payload + 4));
    if (type <= NGHTTP2_HEADERS && (flags & NGHTTP2_FLAG_END_STREAM) != 0)
        printf(" end");
    if (type == NGHTTP2_HEADERS)
        print_headers(inflater, payload, size);
    putchar('\n');
}

int main(int argc, char **argv) {
    nghttp2_hd_inflater *inflater = NULL;
    unsigned char *frame = malloc(9 + (1U << 24));
    if (argc != 2 || freopen(argv[1], "r", stdin) == NULL) {
        fprintf(stderr, "usage: frames FILE\n");
        return 2;
    }
    if (frame == NULL || nghttp2_hd_inflate_new(&inflater) != 0)
        return 1;
    size_t got = 0;
    while ((got = fread(frame, 1, 9, stdin)) == 9) {
        size_t size = ((size_t)frame[0] << 16) | ((size_t)frame[1] << 8) | frame[2];
        if (fread(frame + 9, 1, size, stdin) != size) {
            got = 1;
            break;
        }
        print_frame(inflater, frame, size);
    }
    if (got != 0)
        puts("CUT");
    nghttp2_hd_inflate_del(inflater);
    free(frame);
    return 0;
}
