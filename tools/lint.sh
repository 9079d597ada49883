#!/bin/sh
# lint.sh CHECK [BUILD DIR] - one check of the source; exit status 77 means that its tool is absent.
#
#     format    clang-format 14 would change nothing
#     layers    no #include goes up or across docs/layers.txt
#     banned    no function that cannot be used safely; allocation only in base/
#     prose     no trailing space, tab or overlong line; no unfinished business
#     symbols   the libraries show habit_* and nothing else
#     header    the public header alone, as strict C11 and C++11
#     warnings  gcc finds nothing to warn about
#     docs      docs/cli.md and man/habit.1 are what `habit docs` prints
#     man       the manual page is well-formed
#     cppcheck  cppcheck finds nothing
#     tidy      clang-tidy finds nothing (.clang-tidy)
#     shell     the shell scripts parse
set -eu
cd "$(dirname "$0")/.."
check=$1 build=${2:-build}

need() { command -v "$1" >/dev/null 2>&1 || { echo "skipped: $1 is not installed"; exit 77; }; }
sources() { find src include -name '*.[ch]' | sort; }
all_sources() { find src include tests fuzz -name '*.[ch]' | sort; }
flags='-std=c11 -Iinclude -Isrc -I. -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE'

# Other versions break lines elsewhere, so only this one decides.
clang_format() {
    for f in clang-format-14 clang-format; do
        if command -v $f >/dev/null 2>&1 && $f --version | grep -q 'version 14\.'; then
            all_sources | xargs $f --dry-run -Werror
            return
        fi
    done
    echo 'skipped: clang-format 14 is not installed'
    exit 77
}

refuse() { # refuse WHY PATTERN FILES: fails if a line matches
    why=$1 pattern=$2
    shift 2
    if grep -nE "$pattern" "$@"; then
        echo "refused: $why"
        exit 1
    fi
}

case $check in
format) clang_format ;;
layers) awk -f tools/check_layers.awk docs/layers.txt $(find src -name '*.[ch]') ;;
banned)
    refuse 'cannot be used safely' '(^|[^_[:alnum:]])(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|strtok|rand|alloca)\(' $(all_sources)
    refuse 'allocation belongs to base/memory.h' '(^|[^_[:alnum:]])(malloc|calloc|realloc|strdup|strndup|posix_memalign|aligned_alloc)\(' \
        $(find src -name '*.[ch]' ! -path 'src/base/*')
    refuse 'the library neither prints nor exits' '(^|[^_[:alnum:]])(printf|puts|putchar|exit|abort|perror)\(' \
        $(find src -name '*.c' ! -path 'src/cli/*')
    refuse 'never: it deletes NaN tests' '^[^#]*-ffast-math' $(find . -name meson.build ! -path './build*') ;;
prose)
    refuse 'space at the end of a line' '[[:blank:]]$' $(all_sources)
    refuse 'unfinished business' '(TODO|FIXME|(^|[^X])XXX($|[^X]))' $(all_sources)
    refuse 'a tab' "$(printf '\t')" $(all_sources) ;;
symbols)
    need nm
    for lib in "$build/packaging/libhabit.a" "$build/packaging/libhabit.so"; do
        [ -f "$lib" ] || continue
        dynamic=
        case $lib in *.so) dynamic=-D ;; esac
        nm $dynamic -g --defined-only "$lib" | awk -v lib="$lib" '
            NF == 3 { n++ }
            NF == 3 && $3 !~ /^_?habit_/ { print lib ": shows " $3; bad = 1 }
            END { if (!n) { print lib ": shows nothing"; bad = 1 }; exit bad }'
    done ;;
header)
    printf '#include "habit.h"\nint main(void) { return habit_status_exit(HABIT_OK); }\n' >"$build/header.c"
    ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only "$build/header.c"
    need g++
    g++ -x c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only "$build/header.c" ;;
warnings)
    need gcc
    pq=$(pkg-config --cflags libpq 2>/dev/null) || pq=
    sources | grep '\.c$' | grep -vE '_(avx2|avx512|neon)\.c$' | xargs -n 8 -P 2 gcc $flags $pq -I"$build" -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow \
        -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
        -Wno-missing-field-initializers -Werror ;;
docs)
    "$build/habit" docs cli | diff -u docs/cli.md - || { echo 'mend: build/habit docs cli > docs/cli.md'; exit 1; }
    "$build/habit" docs man | diff -u man/habit.1 - || { echo 'mend: build/habit docs man > man/habit.1'; exit 1; } ;;
man)
    need groff
    warnings=$(LC_ALL=C groff -man -Tutf8 -ww -z man/habit.1 2>&1)
    [ -z "$warnings" ] || { printf '%s\n' "$warnings"; exit 1; } ;;
cppcheck)
    need cppcheck
    mkdir -p "$build/cppcheck"
    cppcheck --quiet --std=c11 -j 2 --cppcheck-build-dir="$build/cppcheck" --error-exitcode=1 --inline-suppr \
        --enable=warning,portability --suppressions-list=tools/cppcheck.txt \
        --library=tools/cppcheck.cfg -Iinclude -Isrc -I. \
        $(sources | grep '\.c$') ;;
tidy)
    need clang-tidy
    [ -f "$build/compile_commands.json" ] || { echo 'skipped: no compile_commands.json'; exit 77; }
    sources | grep '\.c$' | grep -vE '_(avx2|avx512|neon)\.c$' |
        xargs -n 4 -P 2 clang-tidy -p "$build" --quiet --warnings-as-errors='*' 2>&1 |
        grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter|^$' >"$build/tidy.log" || true
    if grep -E 'warning:|error:' "$build/tidy.log"; then exit 1; fi ;;
shell)
    for f in run .ci/run tools/*.sh packaging/*.sh tests/cli/*.sh; do sh -n "$f"; done ;;
*)
    echo "lint.sh: no check '$check'"
    exit 64 ;;
esac
