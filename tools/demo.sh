#!/bin/sh
# demo.sh [--serve] [FILE] - the main job, from a log to recommendations, on a simulated log or on yours;
# then, with --serve, the live service on it.  Everything lands in the folder demo/ (or $HABIT_DEMO).
set -eu
here=$PWD
serve=
if [ "${1:-}" = --serve ]; then serve=yes && shift; fi
habit=${HABIT:-build/habit}
dir=${HABIT_DEMO:-demo}
log=${1:-}
case $habit in /*) ;; *) habit=$PWD/$habit ;; esac
case $log in '' | /* | -) ;; *) log=$PWD/$log ;; esac
mkdir -p "$dir"
cd "$dir"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }
# Shows a command and runs it.
run() {
    printf '  $ habit'
    for word in "$@"; do
        case $word in *[!A-Za-z0-9_./:=,@%+-]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '\n'
    "$habit" "$@"
}

truth=
if [ -z "$log" ]; then
    say 'A log to learn from: 2,000 people and 1,000 items, with robots and dirt in it.'
    # the last of its 90 days is today, so that the live service has people of today
    now=$(date +%s)
    start=$(date -u -d "@$((now - 90 * 86400))" +%Y-%m-%d 2>/dev/null || date -u -r $((now - 90 * 86400)) +%Y-%m-%d)
    run simulate --out shop --users 2000 --items 1000 --events 100000 --start "$start" --seed 1
    log=shop/events.csv
    truth=shop/truth
    clean='--items shop/items.csv --users shop/users.csv --dedupe --times 2000-01-01..now --robot-rate 200 --outliers iqr=3'
else
    clean='--dedupe'
    # titles that public logs bring along
    for table in u.item movies.dat movies.csv items.csv; do
        [ ! -f "$(dirname "$log")/$table" ] || clean="$clean --items $(dirname "$log")/$table"
    done
fi

say 'Import: read, clean, pack. What is dropped is counted.'
# shellcheck disable=SC2086 # a list of words
run import "$log" $clean --to log.habit

say 'What is in it?'
run inspect log.habit | sed '/^$/q'

say 'Train: the newest events of each user are held out and never learned from.'
models=
for model in pop markov itemknn ease ials bpr; do
    "$habit" models --json | grep -q "\"model\":\"$model\"" || continue
    echo "  \$ habit train log.habit --model $model --out $model.model"
    "$habit" train log.habit --model $model --out $model.model --quiet >/dev/null || {
        echo "  ($model does not fit this log: see above)"
        continue
    }
    models="$models $model.model"
done

say 'Evaluate: all models on the same users, every item ranked, 95 % intervals.'
[ -z "$truth" ] || echo '  (truth is the simulator itself: no model can rank better than it does)'
# shellcheck disable=SC2086 # a list of words
run evaluate log.habit $models $truth --report report.html | tee evaluation.txt

best=$(awk '/^[a-z0-9]+\.model / { print $1; exit }' evaluation.txt) # the table stands best first
say "Recommend: what next for this user? ($best)"
user=$(sed -n '5s/^"\(.*\)"$/\1/p' "$best/users.jsonl")
run recommend "$best" --user "$user" -n 10

say 'And for a stranger who just looked at two items?'
history=$(sed -n '1s/^"\(.*\)"$/\1/p;4s/^"\(.*\)"$/\1/p' "$best/items.jsonl" | paste -sd, -)
run recommend "$best" --history "$history" -n 5

say 'Done.'
echo "  The report with plots: $PWD/report.html"
echo "  The models:           $PWD/*.model"
# Of the service: first the best of those that follow every event, then the others.
awk '/^[a-z0-9]+\.model / && !seen[$1]++ { name[n++] = $1; if (live == "" && $1 ~ /^(ease|itemknn|markov)/) live = $1 }
    END { if (live != "") print live; for (i = 0; i < n; i++) if (name[i] != live) print name[i] }' evaluation.txt >served.txt
cd "$here"
if [ -n "$serve" ]; then exec sh tools/demo_serve.sh; fi
echo '  The live service with its dashboard on them: ./run serve'
