#!/bin/sh
# serve.sh - a real server under an outside load: how many answers a second, and how late they are.
#
#     bench/serve.sh                    60 k items and 100 k users, then 1 M items, then events
#     ROWS="answers events" bench/serve.sh       some of: answers million events next
#
# HABIT is the command (build/habit), DIR where data, models and the database lie (kept for the next
# time; it should be on the disk that is to be measured), TIME seconds of each measurement (10).
#
# Rates are what `wrk` (Debian) gets over 64 connections from a closed loop.  Latencies are open-loop, by
# `oha` (cargo install oha): requests are due at a constant rate, and each is timed from the
# moment it was due, whether or not the one before it was late.  Whichever is absent is said to be.
# Server and load share the machine.  Every answer is logged in the database, as in a real service.
# Take the figures on a machine that does nothing else.
set -eu

habit=$(realpath "${HABIT:-build/habit}")
here=$(realpath "$(dirname "$0")")
dir=${DIR:-${TMPDIR:-/tmp}/habit-serve-bench}
time=${TIME:-10}
rows=${ROWS:-answers million events next}
mkdir -p "$dir"
cd "$dir"
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || :; rm -f live.db*' EXIT INT TERM

say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
wants() { case " $rows " in *" $1 "*) return 0 ;; esac && return 1; }

have wrk || say 'no wrk here (apt-get install wrk): rates are left out'
have oha || say 'no oha here (cargo install oha --locked): latencies are left out'
have wrk || have oha || { echo 'skipped: neither wrk nor oha is installed'; exit 77; }

# make NAME USERS ITEMS EVENTS: a model of vectors, 64 wide, that knows every user and every item.
make() {
    [ ! -f "$1.model/config.json" ] || return 0
    say "making $1: $2 users, $3 items, $4 events"
    "$habit" simulate --users "$2" --items "$3" --events "$4" --columns lean --out "$1.log" --quiet >/dev/null
    cut -d, -f1 "$1.log/users.csv" | sed 1d | head -n "$2" >"$1.users"
    cut -d, -f1 "$1.log/items.csv" | sed 1d >"$1.items"
    # everybody and everything at least once
    awk -v users="$1.users" -v items="$1.items" 'BEGIN {
        n = m = 0
        while ((getline u[n] < users) > 0) n++
        while ((getline i[m] < items) > 0) m++
        for (k = 0; k < n || k < m; k++) print u[k % n] "," i[k % m] ",1704067200,view,"
    }' </dev/null >>"$1.log/events.csv"
    "$habit" train "$1.log/events.csv" --model bpr --dim 64 --epochs 1 --protocol all --out "$1.model" --quiet >/dev/null
    rm -r "$1.log"
}

# start MODEL [OPTION]...
start() {
    rm -f live.db* port
    : >port
    "$habit" serve "$@" --store live.db --port 0 --quiet >port 2>serve.err &
    pid=$!
    while [ ! -s port ]; do
        kill -0 "$pid" 2>/dev/null || { cat serve.err >&2; exit 1; }
        sleep 0.1
    done
    url=http://127.0.0.1:$(cat port)
}

stop() {
    kill "$pid"
    wait "$pid" || :
    pid=
}

# ticks and megabytes of the server so far
ticks() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }
resident() { awk '/^VmRSS/ { printf "%d MB", $2 / 1024 }' "/proc/$pid/status"; }

# closed MODE SET CONNECTIONS: sets $rate, and $line for people
seed=0
closed() {
    seed=$((seed + 1))
    rate=0 line='no wrk'
    have wrk || return 0
    before=$(ticks)
    set -- $(wrk -t1 -c"$3" -d"${time}s" -s "$here/serve.lua" "$url" -- "$1" "$2.users" "$2.items" "$seed" | grep '^result')
    share=$(echo "$before $(ticks)" | awk -v s="$time" '{ printf "%.2f", ($2 - $1) / 100 / s }')
    rate=$2
    line="$2/s, p50 $3 ms, p99 $4 ms in a closed loop; server: $share cores, $(resident)"
    [ "$5 $6" = '0 0' ] || line="$line; $5 refused, $6 FAILED"
}

# open_loop RATE SET [CONNECTIONS]: sets $line, and $came a second
open_loop() {
    line='no oha' came=0
    have oha || return 0
    shuf -n 20000 --random-source="$2.items" "$2.users" | sed "s|.*|$url/v1/users/&/recommendations?n=10|" >urls
    before=$(ticks)
    oha --no-tui --output-format json -z "${time}s" -q "$1" -c "${3:-64}" --latency-correction \
        --urls-from-file urls >oha.json 2>/dev/null
    share=$(echo "$before $(ticks)" | awk -v s="$time" '{ printf "%.2f", ($2 - $1) / 100 / s }')
    line=$(awk -v want="$1" -v share="$share" '
        /"requestsPerSec"/ { gsub(/[^0-9.]/, "", $2); rate = $2 }
        /"successRate"/ { gsub(/[^0-9.]/, "", $2); good = $2 }
        /"latencyPercentiles"/ { inside = 1 }
        inside && /"p50"/ { gsub(/[^0-9.e-]/, "", $2); p50 = $2 * 1000 }
        inside && /"p99"/ { gsub(/[^0-9.e-]/, "", $2); p99 = $2 * 1000 }
        inside && /"p99.9"/ { gsub(/[^0-9.e-]/, "", $2); p999 = $2 * 1000; inside = 0 }
        END { printf "at %d/s (%.0f came): p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms from when each was due; %s; server: %s cores",
              want, rate, p50, p99, p999, good == 1 ? "all answered" : good * 100 " % answered", share }' oha.json)
    came=$(awk '/"requestsPerSec"/ { gsub(/[^0-9.]/, "", $2); printf "%d", $2; exit }' oha.json)
}

# Microseconds of the disk for a write of a page and its sync, the median of 200.
sync_time() {
    python3 - <<'PY' 2>/dev/null || echo '?'
import os, time
f = os.open("sync.tmp", os.O_CREAT | os.O_RDWR)
t = []
for i in range(200):
    os.pwrite(f, b"x" * 4096, i * 4096)
    began = time.perf_counter()
    os.fdatasync(f)
    t.append(time.perf_counter() - began)
os.unlink("sync.tmp")
print("%.0f" % (sorted(t)[100] * 1e6))
PY
}

if wants answers; then
    make shop 100000 60000 2000000
    start shop.model
    closed recommend shop 64
    most=$rate
    echo "answers, 60 k items, 64 wide, 100 k users"
    echo "  most          $line"
    [ "$most" != 0 ] || most=${RATE:-3000}
    open_loop $((most / 2)) shop
    echo "  half of that  $line"
    open_loop $((most * 9 / 10)) shop
    echo "  nine tenths   $line"
    closed recommend shop 1000
    echo "  1000 clients  $line"
    echo "                $(echo "$rate $most" | awk '{ printf "%.0f %% of the most", 100 * $1 / $2 }')"
    open_loop $((most * 2)) shop 1000
    echo "  twice of it   $line"
    echo "                $(echo "$came $most" | awk '{ printf "%.0f %% of the most", 100 * $1 / $2 }')"
    closed mix shop 64
    echo "  1 in 10 an event  $line"
    stop
fi

if wants million; then
    make million 100000 1000000 1500000
    start million.model
    echo "answers, 1 M items, 64 wide, 100 k users"
    open_loop 50 million
    echo "  a few         $line"
    closed recommend million 16
    echo "  most          $line"
    stop
fi

if wants events; then
    make shop 100000 60000 2000000
    echo "events, --durability always; the disk syncs a page in $(sync_time) us"
    start shop.model
    closed events:100 shop 16
    echo "  batches of 100: $(echo "$rate" | awk '{ print $1 * 100 }') events/s ($line)"
    stop
    start shop.model
    closed events:1 shop 64
    echo "  one by one    $line"
    stop
fi

if wants next; then
    make shop 100000 60000 2000000
    start shop.model
    python3 "$here/serve_next.py" "$url" shop.users
    stop
fi
