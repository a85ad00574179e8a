/* Gives each file of a directory to a fuzz target, and files that were found by it before: what the
 * fuzzer found stays found. `replay DIRECTORY`
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int replay(const char *name) {
    struct stat about;
    FILE *file = fopen(name, "rb");
    if (file == NULL || fstat(fileno(file), &about) < 0) {
        perror(name);
        return -1;
    }
    size_t size = (size_t)about.st_size;
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL || fread(bytes, 1, size, file) != size) {
        perror(name);
        return -1;
    }
    (void)LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    (void)fclose(file);
    return 0;
}

int main(int argc, char **argv) {
    int count = 0;
    DIR *dir = argc == 2 && chdir(argv[1]) == 0 ? opendir(".") : NULL;
    if (dir == NULL) {
        perror("replay");
        return 1;
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        if (replay(entry->d_name) < 0)
            return 1;
        count++;
    }
    (void)closedir(dir);
    (void)printf("ok %d inputs\n", count);
    return count == 0;
}
