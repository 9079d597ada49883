#!/bin/sh
# static_library.sh OUT DIR ARCHIVE - one object with only the habit_* symbols left global.
set -eu
out=$1 dir=$2 archive=$3
mkdir -p "$dir"
${LD:-ld} -r -o "$dir/habit.o" --whole-archive "$archive" --no-whole-archive
${OBJCOPY:-objcopy} --localize-hidden "$dir/habit.o"
rm -f "$out"
${AR:-ar} rcs "$out" "$dir/habit.o"
