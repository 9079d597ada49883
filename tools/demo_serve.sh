#!/bin/sh
# demo_serve.sh [PORT] - the live service on the models of the demo, with its dashboard.
#
# The log of the demo is posted into the store first, and people of it go on: every second some of
# their events are posted again, as of now, and some of them ask.  Ctrl-C ends it.
set -eu
habit=${HABIT:-build/habit}
dir=${HABIT_DEMO:-demo}
port=${1:-8088}
case $habit in /*) ;; *) habit=$PWD/$habit ;; esac
[ -s "$dir/served.txt" ] || { echo 'run ./run demo first: the service needs its models' >&2; exit 66; }
command -v curl >/dev/null 2>&1 || { echo 'curl is not installed: apt-get install curl' >&2; exit 69; }
cd "$dir"
url=http://127.0.0.1:$port

# The simulated log as events; --now leaves their time out.  Other logs come in by POST /v1/events
# (docs/http.md).
events() {
    awk -F, -v now="${1:-}" 'NR > 1 && $1 != "" && $2 != "" && $3 + 0 > 0 {
        printf "{\"user\":\"%s\",\"item\":\"%s\",\"behaviour\":\"%s\"%s}\n", $1, $2, $4, now ? "" : ",\"time\":" $3
    }' shop/events.csv
}

post() { curl -sS -o /dev/null --data-binary @- "$url/v1/events"; }

# shellcheck disable=SC2046 # a list of words
"$habit" serve $(cat served.txt) --store live.db --port "$port" --durability interval >/dev/null &
service=$!
trap 'kill $service 2>/dev/null; wait $service 2>/dev/null || true' EXIT
trap 'exit 0' INT TERM
curl -sS -o /dev/null -f --retry 60 --retry-connrefused --retry-delay 1 "$url/readyz" 2>/dev/null
if [ ! -f posted.txt ] && [ -f shop/events.csv ]; then
    events >events.jsonl
    split -l 5000 events.jsonl part.
    for part in part.*; do post <"$part"; done
    rm -f part.* events.jsonl
    echo yes >posted.txt
fi
user=$(sed -n '5s/^"\(.*\)"$/\1/p' "$(head -1 served.txt)/users.jsonl")
echo
echo "  The dashboard: $url/"
echo "  An event:      curl $url/v1/events -d '{\"user\":\"$user\",\"item\":\"i0001\",\"behaviour\":\"buy\"}'"
echo "  An answer:     curl $url/v1/users/$user/recommendations"
echo '  Ctrl-C ends it.'
[ -f shop/events.csv ] || { wait $service; exit; }
[ -f now.jsonl ] || events --now | awk 'BEGIN { srand(1) } rand() < .2' >now.jsonl
at=1
while kill -0 $service 2>/dev/null; do
    n=$((4 + at % 9))
    sed -n "$at,$((at + n))p" now.jsonl >some.jsonl
    [ -s some.jsonl ] || { at=1 && continue; }
    post <some.jsonl || true
    sed 's/^{"user":"\([^"]*\)".*/url = "'"http:\/\/127.0.0.1:$port"'\/v1\/users\/\1\/recommendations"/' some.jsonl | curl -sS -K - >/dev/null || true
    at=$((at + n + 1))
    sleep 1
done
