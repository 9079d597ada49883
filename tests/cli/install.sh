#!/bin/sh
# install.sh HABIT BUILD - the installed library from a program's side: header, pkg-config, shared and
# static linking, C11 and C++11, and the answers it gives.
build=$2
. "$(dirname "$0")/harness.sh"
case $build in /*) ;; *) build=$OLDPWD/$build ;; esac
command -v meson >/dev/null 2>&1 || skip 'meson is not installed'
DESTDIR=$work/stage meson install -C "$build" --no-rebuild --quiet >install.log 2>&1 || { cat install.log; label=install; failed 'meson install'; finish; }
prefix=$(dirname "$(dirname "$(find stage -path '*/include/habit.h')")")
pc=$(find stage -name habit.pc)
check 'the header is installed' test -f "$prefix/include/habit.h"
check 'the command is installed' test -x "$prefix/bin/habit"
check 'the manual is installed' test -f "$prefix/share/man/man1/habit.1"
check 'pkg-config file' test -f "$pc"
libdir=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH="$work/$(dirname "$pc")" PKG_CONFIG_SYSROOT_DIR="$work/stage"
flags=$(pkg-config --cflags --libs habit) || { label=pkg-config; failed 'pkg-config --libs'; }
# What a program that links libhabit.a must bring: the libraries under it, from where they are.
# shellcheck disable=SC2046 # a list of words
private="$(pkg-config --cflags habit) -lm -pthread $(unset PKG_CONFIG_SYSROOT_DIR
    pkg-config --libs $(pkg-config --print-requires-private habit | sed 's/[<>=].*//'))"

"$HABIT" simulate --out sim --users 100 --items 50 --events 3000 --quiet >/dev/null
"$HABIT" train sim/events.csv --model ease --out ease.model --quiet >/dev/null
item=$(head -1 ease.model/items.jsonl | tr -d '"')
cp "$ROOT/tests/cli/client.c" client.c
cp client.c client.cc
"$HABIT" recommend ease.model --history "$item" -n 3 | awk 'NR > 1 { print $2 }' >want.txt

run_client() { LD_LIBRARY_PATH="$work/$libdir" "./$1" ease.model "$item" >got.txt && cmp want.txt got.txt; }
# shellcheck disable=SC2086 # lists of words
{
    check 'C11, shared' ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror client.c -o client_c $flags
    check 'C11, shared: the same answer' run_client client_c
    if command -v g++ >/dev/null 2>&1; then
        check 'C++11, shared' g++ -std=c++11 -Wall -Wextra -Wpedantic -Werror client.cc -o client_cc $flags
        check 'C++11, shared: the same answer' run_client client_cc
    fi
    check 'C11, static' ${CC:-cc} -std=c11 client.c -o client_static "$libdir/libhabit.a" $private
    check 'C11, static: the same answer' run_client client_static
}
finish
