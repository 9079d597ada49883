#!/bin/sh
# scale.sh - what learning costs as logs and catalogues grow: seconds and memory, on simulated logs.
#
#     bench/scale.sh [DIR]                      logs are kept in DIR, default a new folder of $TMPDIR
#     EVENTS="100000 1000000" ITEMS="10000 100000" bench/scale.sh      smaller
#     MODELS="lru" bench/scale.sh                                      some of sasrec, gru4rec, lru
#
# HABIT is the command (build/habit), THREADS how many (2), EPOCHS how many of each (2).  First the log
# grows and the catalogue stays in the middle of ITEMS, then the catalogue grows and the log is the last of
# EVENTS; people have PER_USER (50) events each.  Networks are 64 wide, with sampled softmax over 256
# negatives a step, and learn from all events (--protocol all).  Items are those that occur.  Seconds and
# targets a second are those of the fastest epoch; memory is the peak of the process, the mapped log among it.
set -eu

habit=${HABIT:-build/habit}
threads=${THREADS:-2}
epochs=${EPOCHS:-2}
events=${EVENTS:-100000 1000000 10000000}
items=${ITEMS:-10000 100000 1000000}
per_user=${PER_USER:-50}
models=${MODELS:-sasrec gru4rec lru}

dir=${1:-}
if [ -z "$dir" ]; then
    dir=$(mktemp -d "${TMPDIR:-/tmp}/habit-scale-XXXXXX")
    trap 'rm -rf "$dir"' EXIT INT TERM
fi
mkdir -p "$dir"

# middle WORD...: the one in the middle
middle() {
    shift $((($# - 1) / 2))
    echo "$1"
}

# log EVENTS ITEMS: simulated and imported, unless it is there; prints its path
log() {
    of=$dir/$1-$2
    if [ ! -e "$of.habit" ]; then
        "$habit" simulate --out "$of" --events "$1" --items "$2" --users $(($1 / per_user)) \
            --columns lean --robots 0 --dirt 0 --seed 1 --quiet >/dev/null
        "$habit" import "$of/events.csv" --to "$of.habit" --quiet >/dev/null
        rm -r "$of"
    fi
    echo "$of.habit"
}

# row MODEL EVENTS ITEMS
row() {
    of=$(log "$2" "$3")
    "$habit" train "$of" --model "$1" --loss sampled --negatives 256 --dim 64 --max-len 200 \
        --protocol all --epochs "$epochs" --threads "$threads" --out "$dir/model" \
        --log "$dir/log.jsonl" --json --quiet >"$dir/train.json"
    python3 -c '
import json, sys
model, report, log, metrics = sys.argv[1:]
r = json.load(open(report))
best = max((json.loads(l) for l in open(log)), key=lambda e: e["targets_per_second"])
peak = json.load(open(metrics))["peak_bytes"]
print("%-9s %10d %9d %10.2f %12.0f %10.0f" % (model, r["events"], r["items"], best["seconds"],
                                            best["targets_per_second"], peak / 1e6))' \
        "$1" "$dir/train.json" "$dir/log.jsonl" "$dir/model/metrics.json"
    rm -r "$dir/model"
}

printf '%-9s %10s %9s %10s %12s %10s\n' model events items s/epoch targets/s 'peak MB'
for model in $models; do
    # shellcheck disable=SC2086 # lists
    for e in $events; do row "$model" "$e" "$(middle $items)"; done
    # shellcheck disable=SC2086
    for i in $items; do
        [ "$i" = "$(middle $items)" ] || row "$model" "${events##* }" "$i"
    done
done
