#!/bin/sh
# clients.sh - an official client of Gorse against habit serve.
#
#     clients.sh HABIT pygorse|gorsejs
#
# HABIT_PYTHON names a Python that has PyGorse (pip install PyGorse); NODE_PATH leads to the folder
# that has gorsejs (npm install gorsejs tslib: it names tslib as no dependency).  Exit status 77: it is not there.
set -u
here=$(cd "$(dirname "$0")" && pwd)
case $1 in /*) habit=$1 ;; *) habit=$PWD/$1 ;; esac
client=$2
case $client in
pygorse)
    run=${HABIT_PYTHON:-python3}
    script=$here/pygorse.py
    if ! "$run" -c 'import gorse' 2>/dev/null; then
        echo "skipped: $run has no PyGorse: pip install PyGorse, and set HABIT_PYTHON"
        exit 77
    fi
    ;;
gorsejs)
    run=${HABIT_NODE:-node}
    script=$here/gorsejs.js
    if ! "$run" -e 'require("gorsejs")' 2>/dev/null; then
        echo "skipped: $run has no gorsejs: npm install gorsejs tslib, and set NODE_PATH"
        exit 77
    fi
    ;;
*)
    echo "usage: clients.sh HABIT pygorse|gorsejs" >&2
    exit 1
    ;;
esac

dir=$(mktemp -d /tmp/habit-test-gorse-XXXXXX) || exit 1
server=
stop() {
    [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server"
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' INT TERM
cd "$dir" || exit 1
{
    "$habit" simulate --out shop --users 300 --items 120 --events 8000 --quiet >words &&
        "$habit" train shop/events.csv --model gru4rec --epochs 1 --dim 8 --out gru.model --quiet >>words
} || exit 1
key=$("$habit" key client --to keys --quiet) || exit 1
"$habit" serve gru.model --store live.db --api-keys keys --port 0 --quiet >port 2>log &
server=$!
tries=0
while [ ! -s port ] && [ $tries -lt 300 ] && kill -0 "$server" 2>/dev/null; do
    sleep 0.1
    tries=$((tries + 1))
done
if [ ! -s port ]; then
    echo "the server did not start:"
    cat log
    exit 1
fi
"$run" "$script" "http://127.0.0.1:$(cat port)" "$key"
status=$?
kill -0 "$server" 2>/dev/null || { echo "the server is gone:"; cat log; status=1; }
exit $status
