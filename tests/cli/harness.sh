# harness.sh - cases of the command line, sourced by the scripts beside it.
#
#     . "$(dirname "$0")/harness.sh"           # $1 of the script is the habit to test
#     case_is 64 'nearest name' habit train --modle x
#     err 'did you mean --model'               # of the last case
#     out_is 'text'; json out 'users'
#     finish
#
# Everything happens in a folder of its own under $TMPDIR, removed at the end.  A script that checked
# nothing has failed; exit status 77 skips.
set -u
HABIT=${1:?the habit to test}
case $HABIT in /*) ;; *) HABIT=$PWD/$HABIT ;; esac
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
HABIT_DATA=${HABIT_DATA:-$ROOT/../shared/data}
work=$(mktemp -d "${TMPDIR:-/tmp}/habit-cli-XXXXXX") || exit 1
cd "$work" || exit 1
trap 'cd /; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cases=0 failures=0 label=

habit() { "$HABIT" "$@"; }

failed() {
    failures=$((failures + 1))
    printf 'FAILED %s: %s\n' "$label" "$1"
    [ ! -s "$work/.err" ] || sed 's/^/    stderr: /' "$work/.err" | head -8
    [ ! -s "$work/.out" ] || sed 's/^/    stdout: /' "$work/.out" | head -8
}

skip() {
    echo "skipped: $1"
    exit 77
}

# case_is STATUS LABEL COMMAND...
case_is() {
    want=$1 label=$2
    shift 2
    cases=$((cases + 1))
    status=0
    "$@" >"$work/.out" 2>"$work/.err" </dev/null || status=$?
    [ "$status" = "$want" ] || failed "exit status $status, want $want"
}

# Assertions on the last case: an extended regular expression in stderr, in stdout; absence.
err() { grep -qE -- "$1" "$work/.err" || failed "stderr lacks /$1/"; }
out() { grep -qE -- "$1" "$work/.out" || failed "stdout lacks /$1/"; }
no_err() { ! grep -qE -- "$1" "$work/.err" || failed "stderr has /$1/"; }
no_out() { ! grep -qE -- "$1" "$work/.out" || failed "stdout has /$1/"; }
# One line of error, and a hint at most.
one_line() { [ "$(grep -c '^habit ' "$work/.err")" = 1 ] || failed "not one line of error"; }

# check LABEL COMMAND...: the command must succeed.
check() {
    label=$1
    shift
    cases=$((cases + 1))
    : >"$work/.out"
    : >"$work/.err"
    "$@" >"$work/.out" 2>"$work/.err" || failed "'$*' failed"
}

# Nothing half-written: no temporary name is left in the folder.
no_debris() { [ -z "$(find "$work" -name '*.tmp-*' | head -1)" ] || failed "left $(find "$work" -name '*.tmp-*')"; }

# json FILE: one valid JSON object and nothing else; by habit's own parser of jsonl, or python3.
is_json() {
    if command -v python3 >/dev/null 2>&1; then
        python3 -c 'import json,sys; json.load(open(sys.argv[1]))' "$1"
    else
        [ "$(wc -l <"$1")" = 1 ] && grep -q '^{.*}$' "$1"
    fi
}
json() { is_json "$work/.out" || failed "stdout is not one JSON object"; }

# A number out of the JSON object on stdout: number '"NDCG@10":' prints its first occurrence.
number() { sed -n 's/.*'"$1"' *\([-0-9.e+]*\).*/\1/p' "$work/.out" | head -1; }

# Sets $port to one that nobody listens at.
use_free_port() {
    port=$(awk 'BEGIN { srand(); print int(20000 + rand() * 12000) }')
    port=$((port + $$ % 97))
    while curl -s -o /dev/null "localhost:$port/"; do port=$((port + 1)); done
}

finish() {
    echo "$cases cases, $failures failed"
    [ "$failures" = 0 ] && [ "$cases" -gt 0 ]
    exit
}
