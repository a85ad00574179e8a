/* A stack of layers as overlay would show it, looked into without mounting. */
#include "engine/diff/stack.h"

#include "base/own.h"
#include "trees_support.h"

#define OPAQUE "user.overlay.opaque"

/* Layers "0" (nearest), "1" and "2" of the working directory. */
static void open_stack(struct ms_stack *stack, bool stacks) {
    struct ms_err err = {0};
    char here[4000];
    char paths[3][4100];
    const char *const list[] = {paths[0], paths[1], paths[2]};
    CHECK(getcwd(here, sizeof here) != NULL);
    for (int i = 0; i < 3; i++)
        (void)snprintf(paths[i], sizeof paths[i], "%s/%d", here, i);
    CHECK(ms_stack_init(stack, list, 3, &err) == 0);
    stack->stacks = stacks;
    stack->user_xattrs = true;
}

static void own_stack(struct ms_stack *stack) { ms_stack_clear(stack); }
static void own_slice(struct ms_slice *slice) { ms_slice_clear(slice); }
#define auto_stack __attribute__((cleanup(own_stack)))
#define auto_slice __attribute__((cleanup(own_slice)))

/* Looks for DIR/NAME, or for DIR when name is NULL; *below gets the layers that show it. */
static struct ms_seen look(const struct ms_stack *stack, const char *dir, const char *name,
                           struct ms_slice *below) {
    struct ms_err err = {0};
    struct ms_seen seen = {0};
    auto_slice struct ms_slice root = {0};
    auto_slice struct ms_slice inside = {0};
    char path[512];
    CHECK(ms_slice_root(stack, &root, &err) == 0);
    CHECK(ms_stack_find(stack, &root, dir, &seen, name != NULL ? &inside : below, &err) == 0);
    if (name == NULL)
        return seen;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    CHECK(ms_stack_find(stack, &inside, path, &seen, below, &err) == 0);
    return seen;
}

/* Every layer has a directory "d" with a file of the layer's number in it. */
static void make_layers(void) {
    static const char *const layers[] = {"0", "1", "2"};
    for (int i = 0; i < 3; i++) {
        char path[32];
        make_dir(layers[i]);
        (void)snprintf(path, sizeof path, "%d/d", i);
        make_dir(path);
        (void)snprintf(path, sizeof path, "%d/d/f%d", i, i);
        make_file(path, "x");
    }
}

static void shows_all_layers(void) {
    auto_stack struct ms_stack stack = {0};
    auto_slice struct ms_slice below = {0};
    make_layers();
    open_stack(&stack, true);
    CHECK(look(&stack, "d", NULL, &below).exists);
    CHECK(below.count == 3 && below.layers[0] == 0 && below.layers[2] == 2);
    CHECK(look(&stack, "d", "f0", NULL).exists && look(&stack, "d", "f2", NULL).exists);
    CHECK(!look(&stack, "d", "f3", NULL).exists && !look(&stack, "e", NULL, NULL).exists);
}

static void shows_the_nearest(void) {
    auto_stack struct ms_stack stack = {0};
    make_layers();
    make_file("1/d/f2", "longer");
    open_stack(&stack, true);
    CHECK(look(&stack, "d", "f2", NULL).st.st_size == 6);
}

static void hides_below_an_opaque_directory(void) {
    auto_stack struct ms_stack stack = {0};
    auto_slice struct ms_slice below = {0};
    make_layers();
    CHECK(setxattr("1/d", OPAQUE, "y", 1, 0) == 0);
    open_stack(&stack, true);
    CHECK(look(&stack, "d", NULL, &below).exists);
    CHECK(below.count == 2);
    CHECK(look(&stack, "d", "f1", NULL).exists && !look(&stack, "d", "f2", NULL).exists);
}

static void tells_opaque_of_the_nearest_alone(void) {
    auto_stack struct ms_stack stack = {0};
    make_layers();
    CHECK(setxattr("1/d", OPAQUE, "y", 1, 0) == 0);
    open_stack(&stack, true);
    CHECK(!look(&stack, "d", NULL, NULL).opaque);
    CHECK(setxattr("0/d", OPAQUE, "y", 1, 0) == 0);
    CHECK(look(&stack, "d", NULL, NULL).opaque);
}

static void ends_at_a_file(void) {
    auto_stack struct ms_stack stack = {0};
    make_layers();
    CHECK(unlink("1/d/f1") == 0 && rmdir("1/d") == 0);
    make_file("1/d", "no directory");
    open_stack(&stack, true);
    CHECK(look(&stack, "d", "f0", NULL).exists && !look(&stack, "d", "f2", NULL).exists);
}

static void hides_behind_a_whiteout(void) {
    auto_stack struct ms_stack stack = {0};
    if (mknod("probe", S_IFCHR, 0) < 0) {
        (void)printf("SKIP: cannot make whiteouts\n");
        return;
    }
    make_layers();
    CHECK(mknod("0/d/f2", S_IFCHR, 0) == 0);
    open_stack(&stack, true);
    CHECK(!look(&stack, "d", "f2", NULL).exists);
}

static void knows_no_whiteouts_in_plain_trees(void) {
    auto_stack struct ms_stack stack = {0};
    make_layers();
    CHECK(setxattr("0/d", OPAQUE, "y", 1, 0) == 0);
    open_stack(&stack, false);
    CHECK(look(&stack, "d", "f0", NULL).exists && !look(&stack, "d", NULL, NULL).opaque);
}

static void lists_each_name_once(void) {
    struct ms_err err = {0};
    auto_stack struct ms_stack stack = {0};
    auto_slice struct ms_slice below = {0};
    ms_auto_names struct ms_names names = {0};
    make_layers();
    make_file("0/d/f2", "too");
    open_stack(&stack, true);
    CHECK(look(&stack, "d", NULL, &below).exists);
    CHECK(ms_stack_names(&stack, &below, "d", &names, &err) == 0);
    CHECK(names.count == 3);
    for (size_t i = 0; i < names.count; i++) {
        char want[32];
        (void)snprintf(want, sizeof want, "f%zu", i);
        CHECK_TEXT(names.items[i], want);
    }
}

static void passes_over_a_layer_that_is_gone(void) {
    auto_stack struct ms_stack stack = {0};
    make_layers();
    CHECK(rename("1", "away") == 0);
    open_stack(&stack, true);
    CHECK(look(&stack, "d", "f2", NULL).exists);
}

int main(void) {
    RUN(shows_all_layers);
    RUN(shows_the_nearest);
    RUN(hides_below_an_opaque_directory);
    RUN(tells_opaque_of_the_nearest_alone);
    RUN(ends_at_a_file);
    RUN(hides_behind_a_whiteout);
    RUN(knows_no_whiteouts_in_plain_trees);
    RUN(lists_each_name_once);
    RUN(passes_over_a_layer_that_is_gone);
    return 0;
}
