#!/bin/sh
# aarch64.sh - the kernels and their tests for aarch64, run by an emulator.
#
# Needs the packages gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user; exit status 77 without
# them.  Only base/ and kernels/ are built, as static programs, so nothing else of aarch64 is needed.
# The emulator knows NEON; one that knows AVX-512 is not in Debian.
set -eu
cd "$(dirname "$0")/.."
dir=${1:-build-aarch64}
cc=aarch64-linux-gnu-gcc
for tool in $cc qemu-aarch64; do
    command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed"; exit 77; }
done
flags='-std=c11 -Iinclude -Isrc -I. -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -fno-math-errno
    -fno-trapping-math -ffp-contract=fast -Wall -Wextra'
mkdir -p "$dir"

# The files of base/ that want libraries are not needed here.
for file in src/base/*.c src/kernels/*.c; do
    case $file in */ids.c | */json.c | */yaml.c | *_avx2.c | *_avx512.c) continue ;; esac
    level=-O2
    case $file in *_neon.c) level=-O3 ;; esac
    echo $cc $flags $level -c "$file" -o "$dir/$(basename "$file" .c).o"
done | xargs -P 2 -I{} sh -c '{}'

failed=0
for test in vector product rank_kernels rows factor attention_kernels recurrent_kernels scores; do
    # lapack.o would load OpenBLAS, which is a matter of dynamic programs: no test here asks for it
    # shellcheck disable=SC2086 # a list of words
    $cc $flags -O2 -Wl,--no-warnings "tests/test_$test.c" "$dir"/*.o -static -lm -o "$dir/test_$test"
    printf '%s: ' $test
    said=$(HABIT_KERNELS=neon qemu-aarch64 "$dir/test_$test" 2>&1) || failed=1
    printf '%s\n' "$said" | tail -1
done
exit $failed
