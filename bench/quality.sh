#!/bin/sh
# quality.sh - the classic models beside published numbers, on the logs they were published for.
#
#     bench/quality.sh [DIR]        models are kept in DIR, default a new folder of $TMPDIR
#     MODELS="itemknn bpr" bench/quality.sh
#
# HABIT is the command (build/habit), HABIT_DATA the folder of logs (../shared/data).  Gowalla: the
# split of LightGCN, all items ranked, items of the training file left out, Recall@20 and NDCG@20;
# published by BARS.  S3-Rec: leave-one-out, all items ranked, counted over all interactions and
# with all seen items struck out, as the authors did; HR@10 and NDCG@10.  EASE needs 7 GB of memory
# and some ten minutes of two cores.  Options are defaults or were chosen on a validation part of
# the training file (docs/models.md).
set -eu

habit=${HABIT:-build/habit}
data=${HABIT_DATA:-../shared/data}
models=${MODELS:-pop itemknn bpr ials ease}
dir=${1:-}
if [ -z "$dir" ]; then
    dir=$(mktemp -d "${TMPDIR:-/tmp}/habit-quality-XXXXXX")
    trap 'rm -rf "$dir"' EXIT INT TERM
fi
mkdir -p "$dir"

published() {
    case $1 in
    itemknn) echo '.1570 .1214' ;;
    bpr) echo '.1627 .1378' ;;
    ease) echo '.1765 .1467' ;;
    ials) echo '.1627 .1378' ;; # at or above MF-BPR
    *) echo '- -' ;;
    esac
}

options() {
    case $1 in
    ials) echo '--dim 256 --alpha0 0.01 --reg 0.004 --iterations 10' ;;
    bpr) echo '--dim 256' ;;
    *) echo '' ;;
    esac
}

# metric NAME MODEL < result: one figure of one model, with its interval
metric() {
    python3 -c '
import json, sys
name, model = sys.argv[1:]
for m in json.load(sys.stdin)["models"]:
    if m["model"] == model:
        low, high = m["interval95"].get(name, [float("nan")] * 2)
        print("%.4f [%.4f, %.4f]" % (m["metrics"][name], low, high))' "$1" "$2"
}

printf '%-24s %-26s %-26s %-12s %s\n' 'Gowalla (LightGCN split)' 'Recall@20' 'NDCG@20' published 'seconds to fit'
log=$data/gowalla-lightgcn
for model in $models; do
    # shellcheck disable=SC2046 # a list of options
    "$habit" train "$log/train.txt" --model "$model" $(options "$model") --out "$dir/$model" --json \
        >"$dir/$model.json" 2>/dev/null
    "$habit" evaluate "$log/train.txt" "$dir/$model" --test "$log/test.txt" --k 20 --no-baseline \
        --json >"$dir/result.json" 2>/dev/null
    printf '%-24s %-26s %-26s %-12s %s\n' "$model" "$(metric Recall@20 "$model" <"$dir/result.json")" \
        "$(metric NDCG@20 "$model" <"$dir/result.json")" "$(published "$model")" \
        "$(python3 -c 'import json, sys; print(round(json.load(sys.stdin)["seconds"], 1))' <"$dir/$model.json")"
done

printf '\n%-24s %-26s %-26s %s\n' 'PopRec (S3-Rec files)' 'HR@10' 'NDCG@10' published
for row in 'Beauty .0152 .0068' 'Yelp .0099 .0051' 'LastFM .0440 .0203'; do
    # shellcheck disable=SC2086 # three words
    set -- $row
    "$habit" train "$data/s3rec/$1.txt" --model pop --protocol all --equal larger \
        --out "$dir/pop-$1" >/dev/null 2>&1
    "$habit" evaluate "$data/s3rec/$1.txt" "$dir/pop-$1" --protocol leave-one-out --allow-leak \
        --seen filter-all --k 10 --no-baseline --json >"$dir/result.json" 2>/dev/null
    printf '%-24s %-26s %-26s %s %s\n' "$1" "$(metric HR@10 "pop-$1" <"$dir/result.json")" \
        "$(metric NDCG@10 "pop-$1" <"$dir/result.json")" "$2" "$3"
done
