#!/bin/sh
# floor.sh - networks that learned for a short while rank better than popularity and item neighbours.
#
# A short version of bench/sequences.sh: on a simulated log, and on MovieLens-1M where HABIT_DATA has it.
# How long they learn is what a test may cost; what they can do is in docs/benchmarks.md.
. "$(dirname "$0")/harness.sh"

# ndcg MODEL: of result.json
ndcg() {
    tr '{' '\n' <result.json | awk -v want="\"model\":\"$1\"" '
        index($0, want) { here = 1 }
        here && match($0, /"NDCG@10":[0-9.e-]+/) { print substr($0, RSTART + 10, RLENGTH - 10); exit }'
}

above() {
    x=$(ndcg "$1") y=$(ndcg "$2")
    echo "NDCG@10 of $1 $x, of $2 $y"
    [ -n "$x" ] && [ -n "$y" ] && awk "BEGIN { exit !($x > $y) }"
}

# floor LOG OPTIONS NAME...: networks against pop and itemknn
floor() {
    log=$1 options=$2
    shift 2
    for m in pop itemknn; do case_is 0 "$m" habit train "$log" --model $m --out $m --quiet; done
    for m in "$@"; do
        # shellcheck disable=SC2086 # options are a list
        case_is 0 "$m" habit train "$log" --model "${m%%:*}" $options $(echo "$m" | cut -s -d: -f2-) --out "${m%%:*}" --quiet
    done
    names=$(for m in "$@"; do echo "${m%%:*}"; done)
    # shellcheck disable=SC2086
    case_is 0 'evaluate' habit evaluate "$log" pop itemknn $names --no-baseline --k 10 --json --quiet
    json
    cp "$work/.out" result.json
    for m in $names; do
        for other in pop itemknn; do check "$m is above $other on $log" above "$m" "$other"; done
    done
}

case_is 0 'simulate' habit simulate --out sim --users 800 --items 200 --events 32000 --seed 5 --quiet
case_is 0 'import' habit import sim/events.csv --items sim/items.csv --dedupe --to sim.habit --quiet
floor sim.habit '--dim 32 --max-len 50 --lr 0.005 --batch 32 --valid-every 100 --epochs 8' 'rnn:--epochs 16' \
    'lstm:--epochs 16' 'gru4rec:--epochs 12' lru sasrec 'bert4rec:--epochs 30 --mask-share 0.4' esasrec hstu seq2seq \
    'twotower:--item-features category,price'

movies=$HABIT_DATA/ml-1m/ml-1m.txt
if [ -e "$movies" ]; then
    case_is 0 'import MovieLens' habit import "$movies" --to movies.habit --quiet
    floor movies.habit '--dim 32 --max-len 50 --lr 0.005 --batch 32 --valid-every 100 --epochs 2' sasrec gru4rec
fi
finish
