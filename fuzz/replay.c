// replay.c - runs a fuzz target over a corpus folder, so that every input ever found stays a test.
//
//     replay_dataset fuzz/corpus/dataset
//
// Each input lies in a block of its exact size: under AddressSanitizer a read past it is caught.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int replay(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0) return perror(path), 1;
    const long len = ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(len > 0 ? (size_t)len : 1);
    const int whole = bytes && fread(bytes, 1, (size_t)len, f) == (size_t)len;
    fclose(f);
    if (!whole) return fprintf(stderr, "%s: cannot be read\n", path), free(bytes), 1;
    fprintf(stderr, "%s\n", path); // the last line before a crash names the input
    LLVMFuzzerTestOneInput(bytes, (size_t)len);
    free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    const int n = argc == 2 ? scandir(argv[1], &entries, NULL, alphasort) : -1;
    int done = 0, failed = 0;
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') done++, failed += replay(argv[1], entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    printf("%d inputs replayed\n", done);
    return done == 0 || failed > 0;
}
