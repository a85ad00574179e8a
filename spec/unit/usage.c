/* Measuring a layer as du does, and sealing it. What sealing saves, a power cut spec looks at. */
#include "engine/layer/usage.h"

#include "base/own.h"
#include "engine/layer/sealing.h"
#include "trees_support.h"

static struct ms_usage measure(const char *path) {
    struct ms_err err;
    struct ms_usage usage;
    struct ms_usage_walk *walk = NULL;
    ms_auto_close int fd = open_dir(path);
    CHECK(ms_usage_open(fd, &walk, &err) == 0);
    int code = 0;
    do
        code = ms_usage_step(walk, 2, &err);
    while (code == 1);
    CHECK(code == 0);
    ms_usage_total(walk, &usage);
    ms_usage_free(walk);
    return usage;
}

static struct ms_usage seal(const char *path, int durability) {
    struct ms_err err;
    struct ms_usage usage;
    struct ms_sealing *sealing = NULL;
    ms_auto_close int fd = open_dir(path);
    CHECK(ms_sealing_open(fd, durability, &sealing, &err) == 0);
    int code = 0;
    do
        code = ms_sealing_step(sealing, 2, &err);
    while (code == 1);
    CHECK(code == 0);
    ms_sealing_usage(sealing, &usage);
    ms_sealing_free(sealing);
    return usage;
}

/* What du says: 512-byte blocks and inodes. */
static struct ms_usage ask_du(const char *path) {
    long long blocks = 0;
    long long inodes = 0;
    char command[256];
    (void)snprintf(command, sizeof command, "du -s --block-size=512 %s; du -s --inodes %s", path,
                   path);
    FILE *pipe = popen(command, "r");
    CHECK(pipe != NULL);
    CHECK(fscanf(pipe, "%lld %*s %lld", &blocks, &inodes) == 2); // NOLINT(cert-err34-c)
    CHECK(pclose(pipe) == 0);
    return (struct ms_usage){.size_bytes = blocks * 512, .inodes = inodes};
}

static void make_layer(int files) {
    make_dir("t");
    make_dir("t/d");
    for (int i = 0; i < files; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "t/d/%d", i);
        make_file(name, "some bytes");
    }
    make_file("t/hard", "x");
    for (int i = 0; i < 200; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "t/d/hard%d", i);
        CHECK(link("t/hard", name) == 0);
    }
    CHECK(symlink("no/where", "t/link") == 0);
    CHECK(mkfifo("t/fifo", 0600) == 0);
    CHECK(truncate("t/hard", 100 << 20) == 0); /* mostly a hole */
}

static void adds_up_what_du_does(void) {
    make_layer(50);
    struct ms_usage want = ask_du("t");
    struct ms_usage got = measure("t");
    CHECK(got.size_bytes == want.size_bytes);
    CHECK(got.inodes == want.inodes && got.inodes == 55);
}

static void counts_each_shared_inode_once(void) {
    make_dir("t");
    for (int i = 0; i < 1000; i++) {
        char name[32];
        char other[32];
        (void)snprintf(name, sizeof name, "t/%d", i);
        (void)snprintf(other, sizeof other, "t/%d+", i);
        make_file(name, "");
        CHECK(link(name, other) == 0);
    }
    CHECK(measure("t").inodes == 1001);
}

static void leaves_mounts_out(void) {
    make_dir("t");
    make_dir("t/m");
    mount_tmpfs("t/m");
    make_file("t/m/f", "x");
    CHECK(measure("t").inodes == 2);
    CHECK(seal("t", MS_DURABILITY_LAYER).inodes == 2);
    CHECK(umount("t/m") == 0);
}

static void sealing_measures_at_each_level(void) {
    make_layer(50); /* more than are synced one by one */
    struct ms_usage want = measure("t");
    for (int level = MS_DURABILITY_METADATA; level <= MS_DURABILITY_FULL; level++) {
        struct ms_usage got = seal("t", level);
        CHECK(got.size_bytes == want.size_bytes && got.inodes == want.inodes);
    }
}

/* Few entries, one of which its owner may not open. */
static void seals_what_it_cannot_open(void) {
    make_dir("t");
    make_file("t/closed", "x");
    make_file("t/open", "x");
    CHECK(mkfifo("t/fifo", 0) == 0);
    CHECK(chmod("t/closed", 0) == 0);
    if (geteuid() == 0) {
        CHECK(chown("t", 65534, 65534) == 0 && chown("t/closed", 65534, 65534) == 0);
        CHECK(chown(".", 65534, 65534) == 0 && seteuid(65534) == 0);
    }
    struct ms_usage got = seal("t", MS_DURABILITY_LAYER);
    (void)seteuid(getuid());
    CHECK(got.inodes == 4);
}

static void durabilities_have_names(void) {
    CHECK_TEXT(ms_durability_name(MS_DURABILITY_METADATA), "metadata");
    CHECK_TEXT(ms_durability_name(MS_DURABILITY_LAYER), "layer");
    CHECK_TEXT(ms_durability_name(MS_DURABILITY_FULL), "full");
    CHECK(ms_durability_name(0) == NULL && ms_durability_name(4) == NULL);
    CHECK(ms_durability_of_name("layer") == MS_DURABILITY_LAYER);
    CHECK(ms_durability_of_name("Layer") == 0 && ms_durability_of_name("") == 0);
}

int main(void) {
    RUN(adds_up_what_du_does);
    RUN(counts_each_shared_inode_once);
    RUN(sealing_measures_at_each_level);
    RUN(seals_what_it_cannot_open);
    RUN(durabilities_have_names);
    RUN_ALONE(leaves_mounts_out);
    return 0;
}
