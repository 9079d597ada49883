#!/bin/sh
# docs.sh - every option is documented, and the generated documents are fresh.
. "$(dirname "$0")/harness.sh"
habit docs cli >cli.md
habit docs man >habit.1
check 'docs/cli.md is what `habit docs cli` prints' cmp cli.md "$ROOT/docs/cli.md"
check 'man/habit.1 is what `habit docs man` prints' cmp habit.1 "$ROOT/man/habit.1"
case_is 64 'no such document' habit docs poem
finish
