#!/bin/sh
# serve_gorse.sh - the same load on any server that speaks the Gorse API, side by side.
#
#     bench/serve_gorse.sh URL [PID] [URL PID]...
#
#     bench/serve_gorse.sh log >log.csv                        the feedback below, for a model of ours to learn from
#     habit train log.csv --model bpr --protocol all --out log.model
#     habit serve log.model --store live.db --port 8088 &
#     bench/serve_gorse.sh http://127.0.0.1:8088 $! http://127.0.0.1:8087 "$(pgrep gorse-in-one)"
#
# Every server is given the same items, users and feedback first, and then asked the same: a closed loop
# by `wrk` for rates, an open one by `oha` at RATE a second (1000) for latencies from when each request
# was due.  PID (0: none) adds memory and CPU.  USERS, ITEMS and FEEDBACK say how many (2000, 1000,
# 50000); GORSE_KEY is sent as X-API-Key; TIME is seconds of each measurement (10).
# Only servers of this machine: the load is not for anybody else's.
set -eu

here=$(realpath "$(dirname "$0")")
time=${TIME:-10}
users=${USERS:-2000} items=${ITEMS:-1000} feedback=${FEEDBACK:-50000} rate=${RATE:-1000}
key=${GORSE_KEY:-}
if [ $# -eq 0 ]; then
    sed -n '2,/^set -eu/{/^set -eu/d;s/^# \{0,1\}//;p;}' "$0" >&2
    exit 64
fi
for tool in wrk curl; do
    command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed"; exit 77; }
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/habit-gorse-XXXXXX")
trap 'rm -rf "$dir"' EXIT INT TERM
seq -f 'u%.0f' "$users" >"$dir/users"
seq -f 'i%.0f' "$items" >"$dir/items"

post() { # PATH FILE
    code=$(curl -s -o "$dir/answer" -w '%{http_code}' -X POST -H 'Content-Type: application/json' -H "X-API-Key: $key" \
        --data-binary "@$2" "$url$1")
    [ "$code" = 200 ] || { echo "$url$1: $code $(head -c 300 "$dir/answer")" >&2; exit 1; }
}

# A tenth of the feedback: user, item, time.  People like what is near them.
pairs() {
    awk -v n=$((feedback / 10)) -v u="$users" -v m="$items" -v s="$1" 'BEGIN {
        srand(s + 1)
        for (k = 0; k < n; k++) {
            who = 1 + int(rand() * u)
            printf "%d %d 2024-05-%02dT%02d:00:00Z\n", who, 1 + int(who / u * m + rand() * rand() * m / 4) % m, 1 + k % 28, k % 24
        }
    }'
}

if [ "$1" = log ]; then
    echo user,item,time
    for part in 0 1 2 3 4 5 6 7 8 9; do pairs $part | sed 's/^\([0-9]*\) \([0-9]*\) /u\1,i\2,/'; done
    exit
fi

# The same for every server.
fill() {
    awk -v n="$items" 'BEGIN { printf "["; for (k = 1; k <= n; k++) printf "%s{\"ItemId\":\"i%d\",\"Timestamp\":\"2024-01-01T00:00:00Z\"}", (k > 1 ? "," : ""), k; print "]" }' >"$dir/body"
    post /api/items "$dir/body"
    awk -v n="$users" 'BEGIN { printf "["; for (k = 1; k <= n; k++) printf "%s{\"UserId\":\"u%d\"}", (k > 1 ? "," : ""), k; print "]" }' >"$dir/body"
    post /api/users "$dir/body"
    for part in 0 1 2 3 4 5 6 7 8 9; do
        pairs $part | awk 'BEGIN { printf "[" }
            { printf "%s{\"FeedbackType\":\"read\",\"UserId\":\"u%d\",\"ItemId\":\"i%d\",\"Timestamp\":\"%s\"}", (NR > 1 ? "," : ""), $1, $2, $3 }
            END { print "]" }' >"$dir/body"
        post /api/feedback "$dir/body"
    done
}

ticks() { [ "$pid" = 0 ] && echo 0 || awk '{ print $14 + $15 }' "/proc/$pid/stat"; }

# closed MODE CONNECTIONS
closed() {
    before=$(ticks)
    set -- $(wrk -t1 -c"$2" -d"${time}s" -H "X-API-Key: $key" -s "$here/serve.lua" "$url" -- "$1" "$dir/users" "$dir/items" "$$" |
        grep '^result')
    row="$2/s p50 $3 p99 $4 ms"
    [ "$5 $6" = '0 0' ] || row="$row ($5 refused, $6 failed)"
    [ "$pid" = 0 ] || row="$row, $(echo "$before $(ticks) $time" | awk '{ printf "%.2f", ($2 - $1) / 100 / $3 }') cores"
}

open_loop() {
    row='no oha'
    command -v oha >/dev/null 2>&1 || return 0
    sed "s|.*|$url/api/recommend/&?n=10|" "$dir/users" >"$dir/urls"
    oha --no-tui --output-format json -z "${time}s" -q "$rate" -c 64 --latency-correction -H "X-API-Key: $key" \
        --urls-from-file "$dir/urls" >"$dir/oha.json" 2>/dev/null
    row=$(awk '
        /"latencyPercentiles"/ { inside = 1 }
        inside && /"p50"/ { gsub(/[^0-9.e-]/, "", $2); p50 = $2 * 1000 }
        inside && /"p99"/ { gsub(/[^0-9.e-]/, "", $2); printf "p50 %.2f p99 %.2f ms", p50, $2 * 1000; exit }' "$dir/oha.json")
}

while [ $# -gt 0 ]; do
    url=${1%/} pid=0
    shift
    case ${1:-} in
    '' | http*) ;;
    *) pid=$1 && shift ;;
    esac
    case $url in
    http://127.* | http://localhost* | 'http://[::1]'*) ;;
    *) echo "$url: not of this machine" >&2 && exit 64 ;;
    esac
    fill
    echo "$url"
    closed gorse-recommend 64
    printf '  %-34s %s\n' 'recommend, 64 connections' "$row"
    open_loop
    printf '  %-34s %s\n' "recommend, $rate/s from when due" "$row"
    closed gorse-feedback:100 16
    printf '  %-34s %s\n' 'feedback in batches of 100' "$row"
    closed gorse-feedback:1 64
    printf '  %-34s %s\n' 'feedback one by one' "$row"
    [ "$pid" = 0 ] || awk '/^VmRSS/ { now = $2 / 1024 } /^VmHWM/ { most = $2 / 1024 }
        END { printf "  %-34s %d MB, at most %d MB\n", "memory", now, most }' "/proc/$pid/status"
done
