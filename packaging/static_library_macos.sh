#!/bin/sh
# static_library_macos.sh OUT DIR ARCHIVE - the same with Apple's linker (from its manual; untried).
set -eu
out=$1 dir=$2 archive=$3
mkdir -p "$dir"
ld -r -o "$dir/habit.o" -exported_symbol '_habit_*' -all_load "$archive"
rm -f "$out"
ar rcs "$out" "$dir/habit.o"
