#!/bin/sh
# demo.sh - the main job of the README, from a log to recommendations, and the live service on its models.
. "$(dirname "$0")/harness.sh"
unset -f habit
export HABIT HABIT_DEMO="$work/demo"
case_is 0 './run demo' sh "$ROOT/tools/demo.sh"
out 'Done\.'
check 'a report' test -s demo/report.html
check 'models for the service' test "$(wc -l <demo/served.txt)" -gt 3
check 'each once' test -z "$(sort demo/served.txt | uniq -d)"

command -v curl >/dev/null 2>&1 || finish
"$HABIT" serve --help 2>&1 | grep -q port || finish
use_free_port
sh "$ROOT/tools/demo_serve.sh" "$port" >served.out 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; cd /; rm -rf "$work"' EXIT
# it has posted the whole log when it says where the dashboard is
tries=0
while ! grep -q 'The dashboard' served.out && kill -0 $server 2>/dev/null && [ $tries -lt 120 ]; do
    sleep 1
    tries=$((tries + 1))
done
user=$(sed -n 's/.*\/v1\/users\/\(.*\)\/recommendations/\1/p' served.out | head -1)
case_is 0 './run serve: the dashboard' curl -sSf "localhost:$port/"
out '<title>'
case_is 0 'an answer of a model' curl -sSf "localhost:$port/v1/users/$user/recommendations?n=3"
out '"source":"model"'
finish
