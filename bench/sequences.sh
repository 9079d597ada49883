#!/bin/sh
# sequences.sh - the sequence models beside published numbers, on the logs they were published for.
#
#     bench/sequences.sh [DIR]                     models are kept in DIR, default a new folder of $TMPDIR
#     ROWS="sasrec-softmax lru" bench/sequences.sh   some rows; ROWS=list names them all
#     SEEDS="1 2 3" bench/sequences.sh             one line per seed, then their mean
#
# HABIT is the command (build/habit), HABIT_DATA the folder of logs (../shared/data), THREADS how many
# (2).  Leave-one-out: each user's last event is to be predicted from all others, all items are ranked,
# items of the history left out, ties count against the model; HR@10 and NDCG@10 with 95 % intervals
# over users.  Diginetica brings its own test file: Recall@20 and MRR@20.  Training stops early by
# NDCG@10 on the event before the last; every option was chosen there, never on the test events.
set -eu

habit=${HABIT:-build/habit}
data=${HABIT_DATA:-../shared/data}
threads=${THREADS:-2}
seeds=${SEEDS:-1}

# name|log|model and options|published HR@10 NDCG@10|source
table() {
    cat <<'ROWS'
sasrec-bce|ml-1m/ml-1m.txt|sasrec --loss bce --negatives 1 --dropout 0.2|.24-.25 .126-.134|gSASRec, Turning Dross
sasrec-softmax|ml-1m/ml-1m.txt|sasrec --loss softmax|.3152 .1821|Turning Dross
sasrec-sampled|ml-1m/ml-1m.txt|sasrec --loss sampled --negatives 3000|.3159 .1857|Turning Dross
gru4rec|ml-1m/ml-1m.txt|gru4rec|.2811 .1648|Turning Dross
bert4rec|ml-1m/ml-1m.txt|bert4rec|.2843 .1537|Turning Dross
hstu|ml-1m/ml-1m.txt|hstu|.3097 .1720|HSTU
lru|ml-1m/ml-1m.txt|lru|.3264 .1930|LRURec
rnn|ml-1m/ml-1m.txt|rnn|- -|
lstm|ml-1m/ml-1m.txt|lstm|- -|
seq2seq|ml-1m/ml-1m.txt|seq2seq|- -|
twotower|ml-1m/ml-1m.txt|twotower|- -|
esasrec|ml-1m/ml-1m_all_chrono.txt|esasrec|.3133 .1772|eSASRec
beauty-sampled|s3rec/Beauty.txt|sasrec --loss sampled --negatives 256 --dim 128 --blocks 1 --max-len 50 --dropout 0.6 --cosine --temperature 0.07|.0921 .0531|eSASRec
beauty-softmax|beauty-bert4rec/beauty.txt|sasrec --loss softmax --max-len 50|.0533 .0327|Turning Dross
diginetica-gru4rec|diginetica/train_seqs.txt|gru4rec --loss sampled --negatives 2048 --dim 128 --max-len 20 --dropout 0.3|.5073 .1759|SR-GNN
diginetica-sasrec|diginetica/train_seqs.txt|sasrec --loss sampled --negatives 2048 --negatives-of step --dim 128 --max-len 20 --dropout 0.3|.5073 .1759|SR-GNN
ROWS
}

if [ "${ROWS:-}" = list ]; then
    table | cut -d'|' -f1
    exit
fi
dir=${1:-}
if [ -z "$dir" ]; then
    dir=$(mktemp -d "${TMPDIR:-/tmp}/habit-sequences-XXXXXX")
    trap 'rm -rf "$dir"' EXIT INT TERM
fi
mkdir -p "$dir"

# figures FILE TRAIN METRIC METRIC: of a result, with their intervals, epochs and seconds
figures() {
    python3 -c '
import json, sys
m = json.load(open(sys.argv[1]))["models"][0]
train = json.load(open(sys.argv[2]))
def figure(name):
    low, high = m["interval95"].get(name, [float("nan")] * 2)
    return "%.4f [%.4f, %.4f]" % (m["metrics"][name], low, high)
print("%-26s %-26s %6d %9.0f" % (figure(sys.argv[3]), figure(sys.argv[4]), train.get("epochs", 0), train["seconds"]))' "$@"
}

printf '%-18s %-5s %-26s %-26s %6s %9s  %s\n' row seed HR@10 NDCG@10 epochs seconds published
table | while IFS='|' read -r row log model published source; do
    case " ${ROWS:-$row} " in *" $row "*) ;; *) continue ;; esac
    protocol= measure= metrics='HR@10 NDCG@10'
    case $row in diginetica*) # sessions; validation by a tenth of them; the test sessions are a file
        protocol='--protocol user-holdout --valid-share 0.1 --test-share 0.001 --valid-metric MRR@20'
        measure="--test $data/diginetica/test.txt --seen keep" metrics='Recall@20 MRR@20' ;;
    esac
    for seed in $seeds; do
        out=$dir/$row-$seed
        # shellcheck disable=SC2086 # options are a list
        "$habit" train "$data/$log" --model $model $protocol --seed "$seed" --threads "$threads" --out "$out" \
            --log "$out.log" --json >"$out.train.json" 2>"$out.words"
        # shellcheck disable=SC2086 # options are a list
        "$habit" evaluate "$data/$log" "$out" $measure --k 10,20 --no-baseline --threads "$threads" --json \
            >"$out.json" 2>>"$out.words"
        printf '%-18s %-5s %s  %s %s\n' "$row" "$seed" "$(figures "$out.json" "$out.train.json" $metrics)" \
            "$published" "$source"
    done
done
