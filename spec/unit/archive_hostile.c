/* Sources that mean harm or are broken: each is refused with its kind, naming the entry, and
 * nothing outside the target is touched. */
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

#include "archive_support.h"

/* A tar with one file of that name. */
static void one_file(const char *name) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, name, "evil");
    tar_end(tar);
}

static void names_that_lead_out(void) {
    one_file("../evil");
    import_refused("t.tar", MS_INVALID_ARGUMENT, "'../evil'");
    one_file("a/../../evil");
    import_refused("t.tar", MS_INVALID_ARGUMENT, "'..'");
    one_file("/tmp/moonsnap-evil");
    import_refused("t.tar", MS_INVALID_ARGUMENT, "absolute");
    CHECK(!exists("evil") && !exists("/tmp/moonsnap-evil"));
    CHECK(count_names("out") == 0 || !exists("out/evil"));
}

static void whiteouts_that_lead_out(void) {
    CHECK(mkdir("out", 0755) == 0 && mkdir("out/d", 0755) == 0);
    write_file("victim", "v");
    one_file("d/.wh...");
    import_refused("t.tar", MS_INVALID_ARGUMENT, "whiteout");
    one_file("d/.wh.");
    import_refused("t.tar", MS_INVALID_ARGUMENT, "whiteout");
    CHECK(exists("victim") && exists("out/d"));
}

static void writing_through_a_link(void) {
    CHECK(mkdir("victim", 0755) == 0);
    struct archive *tar = tar_new("t.tar");
    put_link(tar, "link", "../victim");
    put_file(tar, "link/evil", "evil");
    tar_end(tar);
    import_refused("t.tar", MS_INVALID_ARGUMENT, "'link' is a symbolic link");
    CHECK(count_names("victim") == 0);
}

static void writing_through_a_link_to_a_directory_inside(void) {
    struct archive *tar = tar_new("t.tar");
    put_dir(tar, "real", 0755);
    put_link(tar, "a/link", "../real");
    put_dir(tar, "a/link/sub", 0755);
    tar_end(tar);
    import_refused("t.tar", MS_INVALID_ARGUMENT, "through links");
    CHECK(count_names("out/real") == 0);
}

static void a_link_where_a_directory_was(void) {
    CHECK(mkdir("victim", 0755) == 0);
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "d/f", "f");
    put_link(tar, "d", "../victim");
    put_file(tar, "d/evil", "evil");
    tar_end(tar);
    import_refused("t.tar", MS_INVALID_ARGUMENT, "'d' is a symbolic link");
    CHECK(count_names("victim") == 0);
}

static void hiding_through_a_link(void) {
    CHECK(mkdir("victim", 0755) == 0);
    write_file("victim/f", "f");
    struct archive *tar = tar_new("t.tar");
    put_link(tar, "link", "../victim");
    put_file(tar, "link/.wh..wh..opq", "");
    tar_end(tar);
    import_refused("t.tar", MS_INVALID_ARGUMENT, "symbolic link");
    CHECK(exists("victim/f") && !has_xattr("victim", "user.overlay.opaque", "y"));
}

static void attributes_do_not_follow_links(void) {
    write_file("victim", "v");
    CHECK(chmod("victim", 0600) == 0);
    struct archive *tar = tar_new("t.tar");
    put_link(tar, "link", "../victim");
    put_hard_link(tar, "again", "link");
    struct archive_entry *entry = tar_entry("again2", S_IFREG | 0777);
    archive_entry_set_hardlink(entry, "again");
    tar_put(tar, entry, NULL);
    tar_end(tar);
    (void)import_path("out", "t.tar", MS_WHITEOUT_OVERLAY_USER);
    CHECK((look("victim").st_mode & 07777) == 0600);
    CHECK(look("victim").st_nlink == 1);
}

static void one_hard_link(const char *target) {
    struct archive *tar = tar_new("t.tar");
    put_dir(tar, "d", 0755);
    put_hard_link(tar, "d/link", target);
    tar_end(tar);
}

static void hard_links_that_lead_out(void) {
    write_file("victim", "v");
    one_hard_link("../victim");
    import_refused("t.tar", MS_INVALID_ARGUMENT, "'..'");
    one_hard_link("/etc/passwd");
    import_refused("t.tar", MS_INVALID_ARGUMENT, "absolute");
    one_hard_link("missing");
    import_refused("t.tar", MS_INVALID_ARGUMENT, "not in this tree");
    one_hard_link("d");
    import_refused("t.tar", MS_INVALID_ARGUMENT, "directory");
    CHECK(look("victim").st_nlink == 1);
}

static void hard_link_through_a_link(void) {
    write_file("victim", "v");
    struct archive *tar = tar_new("t.tar");
    put_link(tar, "up", "..");
    put_hard_link(tar, "evil", "up/victim");
    tar_end(tar);
    import_refused("t.tar", MS_INVALID_ARGUMENT, "not in this tree");
    CHECK(look("victim").st_nlink == 1);
}

static void files_with_something_below(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "f", "f");
    put_file(tar, "f/g", "g");
    tar_end(tar);
    import_refused("t.tar", MS_INVALID_ARGUMENT, "'f' is no directory");
    tar = tar_new("t.tar");
    put_file(tar, ".", "root");
    tar_end(tar);
    import_refused("t.tar", MS_INVALID_ARGUMENT, "root");
}

static void names_that_no_file_can_have(void) {
    char name[400];
    memset(name, 'n', sizeof name);
    name[300] = '\0';
    one_file(name);
    import_refused("t.tar", MS_INVALID_ARGUMENT, "nnnn");
    name[300] = '/';
    name[399] = '\0';
    one_file(name);
    import_refused("t.tar", MS_INVALID_ARGUMENT, "longer than 255");
}

static void what_is_no_archive(void) {
    write_file("empty", "");
    import_refused("empty", MS_INVALID_ARGUMENT, "tar");
    write_file("text", "this is no archive at all, however long it may go on and on");
    import_refused("text", MS_INVALID_ARGUMENT, "tar");
    import_refused("missing", MS_NOT_FOUND, "missing");
}

/* Cuts t.tar to size bytes. */
static void cut(off_t size) { CHECK(truncate("t.tar", size) == 0); }

static void cut_archives(void) {
    char content[5000];
    memset(content, 'c', sizeof content);
    content[sizeof content - 1] = '\0';
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "first", content);
    put_file(tar, "second", content);
    tar_end(tar);
    off_t size = look("t.tar").st_size;
    off_t end = 2 * (3 * 512 + 5120); /* of the content: each has a pax header of two blocks */
    CHECK(size > end);
    cut(end);
    import_refused("t.tar", MS_DATA_LOSS, "end mark");
    cut(end - 1000);
    import_refused("t.tar", MS_DATA_LOSS, "second");
    cut(end - 5120 - 512);
    import_refused("t.tar", MS_DATA_LOSS, "cut");
    cut(end / 2 + 100);
    import_refused("t.tar", MS_DATA_LOSS, "cut");
}

static void cut_compressed_archives(void) {
    struct archive *tar = tar_new("t.tar");
    for (int i = 0; i < 2000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "file%d", i * 7919);
        put_file(tar, name, name);
    }
    tar_end(tar);
    CHECK(system("gzip -f t.tar") == 0);
    CHECK(truncate("t.tar.gz", look("t.tar.gz").st_size / 2) == 0);
    import_refused("t.tar.gz", MS_DATA_LOSS, "cut or damaged");
}

static void damaged_headers(void) {
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "first", "1");
    put_file(tar, "second", "2");
    tar_end(tar);
    int fd = open("t.tar", O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && pwrite(fd, "garbage", 7, 4 * 512 + 2 * 512 + 100) == 7);
    CHECK(close(fd) == 0);
    import_refused("t.tar", MS_DATA_LOSS, "first");
}

static void a_write_that_fails(void) {
    struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
    char *content = calloc(1, 3 << 20);
    CHECK(content != NULL);
    memset(content, 'x', (3 << 20) - 1);
    struct archive *tar = tar_new("t.tar");
    put_file(tar, "big", content);
    tar_end(tar);
    free(content);
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0);
    struct ms_import_request request = {.path = "t.tar", .whiteout = MS_WHITEOUT_OVERLAY_USER};
    struct ms_import_summary summary = {0};
    struct ms_err err = {0};
    int rc = import_request("out", &request, &summary, &err);
    limit.rlim_cur = RLIM_INFINITY;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(rc < 0 && strstr(err.text, "'big': write its content") != NULL);
}

static void steps_after_a_failure(void) {
    one_file("../evil");
    CHECK(mkdir("out", 0755) == 0);
    int fd = open("out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ms_import_request request = {.path = "t.tar", .whiteout = MS_WHITEOUT_OVERLAY_USER};
    struct ms_import *import = NULL;
    struct ms_err err = {0};
    CHECK(ms_import_open(fd, &request, &import, &err) == 0);
    CHECK(ms_import_step(import, 10, &err) == MS_INVALID_ARGUMENT);
    CHECK(ms_import_step(import, 10, &err) == MS_FAILED_PRECONDITION);
    ms_import_free(import);
    CHECK(close(fd) == 0);
}

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
static size_t live_bytes(void) { return __sanitizer_get_current_allocated_bytes(); }
#else
static size_t live_bytes(void) { return mallinfo2().uordblks; }
#endif

/* The most memory in use between two steps of an import, above what was in use before. */
static size_t peak_of(const char *tar) {
    CHECK(mkdir("out", 0755) == 0);
    int fd = open("out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ms_import_request request = {.path = tar, .whiteout = MS_WHITEOUT_OVERLAY_USER};
    struct ms_import *import = NULL;
    struct ms_err err = {0};
    size_t before = live_bytes();
    size_t peak = before;
    CHECK(ms_import_open(fd, &request, &import, &err) == 0);
    int rc = 0;
    do {
        rc = ms_import_step(import, 100, &err);
        peak = live_bytes() > peak ? live_bytes() : peak;
    } while (rc == 1);
    CHECK(rc == 0);
    ms_import_free(import);
    CHECK(close(fd) == 0 && system("rm -rf out") == 0);
    return peak - before;
}

/* A tar of so many empty entries in seven directories. */
static void write_many(const char *path, int count) {
    struct archive *tar = archive_write_new();
    CHECK(archive_write_set_format_ustar(tar) == ARCHIVE_OK);
    CHECK(archive_write_add_filter_gzip(tar) == ARCHIVE_OK);
    CHECK(archive_write_set_filter_option(tar, "gzip", "compression-level", "1") == ARCHIVE_OK);
    CHECK(archive_write_open_filename(tar, path) == ARCHIVE_OK);
    for (int i = 0; i < count; i++) {
        char name[48];
        (void)snprintf(name, sizeof name, "d%d/%d/f%d", i / 1000 % 7, i / 1000, i);
        put_file(tar, name, "");
    }
    tar_end(tar);
}

/* A million with MOONSNAP_LONG; what grows with entries is seen in fewer. */
static void memory_does_not_grow_with_entries(void) {
    write_many("small", 1000);
    write_many("large", getenv("MOONSNAP_LONG") != NULL ? 1000000 : 20000);
    size_t small = peak_of("small");
    size_t large = peak_of("large");
    CHECK(small > 0 && large < small + 64 * 1024);
}

int main(void) {
    RUN(names_that_lead_out);
    RUN(whiteouts_that_lead_out);
    RUN(writing_through_a_link);
    RUN(writing_through_a_link_to_a_directory_inside);
    RUN(a_link_where_a_directory_was);
    RUN(hiding_through_a_link);
    RUN(attributes_do_not_follow_links);
    RUN(hard_links_that_lead_out);
    RUN(hard_link_through_a_link);
    RUN(files_with_something_below);
    RUN(names_that_no_file_can_have);
    RUN(what_is_no_archive);
    RUN(cut_archives);
    RUN(cut_compressed_archives);
    RUN(damaged_headers);
    RUN(a_write_that_fails);
    RUN(steps_after_a_failure);
    RUN(memory_does_not_grow_with_entries);
    return 0;
}
