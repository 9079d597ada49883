#!/bin/sh
# train.sh - the main job on a simulated log: import, train, evaluate, recommend, export, tune.
. "$(dirname "$0")/harness.sh"

case_is 0 'simulate' habit simulate --out sim --users 300 --items 120 --events 12000 --seed 7 --quiet
for f in events.csv items.csv users.csv truth/config.json; do check "wrote $f" test -s "sim/$f"; done
case_is 0 'simulate again' habit simulate --out sim2 --users 300 --items 120 --events 12000 --seed 7 --quiet
check 'the same seed, the same log' cmp sim/events.csv sim2/events.csv
case_is 0 'import with cleaning' habit import sim/events.csv --dedupe --to log.habit --json
json

case_is 0 'train' habit train log.habit --model ease --out ease.model --json
json
out '"model":"ease"'
err 'kernels [a-z0-9]+, [0-9.]+ s wall'
for f in model.safetensors config.json users.jsonl items.jsonl history.safetensors metrics.json; do
    check "the folder has $f" test -s "ease.model/$f"
done
check 'config.json is JSON' is_json ease.model/config.json
check 'metrics.json is JSON' is_json ease.model/metrics.json
case_is 0 'train again, over the old one' habit train log.habit --model ease --out ease.model --quiet
case_is 0 '--quiet is quiet' habit train log.habit --model pop --out pop.model --quiet
check 'no word on stderr' test ! -s "$work/.err"

# Determinism: the same bits twice, and with one thread or two.
for model in pop markov itemknn ease bpr ials; do
    habit models --json | grep -q "\"model\":\"$model\"" || continue
    case_is 0 "$model, one thread" habit train log.habit --model $model --out one --threads 1 --quiet
    case_is 0 "$model, two threads" habit train log.habit --model $model --out two --threads 2 --quiet
    case_is 0 "$model, two threads again" habit train log.habit --model $model --out again --threads 2 --quiet
    check "$model: the same bits twice" cmp two/model.safetensors again/model.safetensors
    check "$model: the same bits with one thread and two" cmp one/model.safetensors two/model.safetensors
done

case_is 0 'the validation metric' habit train log.habit --model itemknn --valid-metric NDCG@10 --out knn.model --json
out '"valid":\{"NDCG@10":0\.[0-9]+'

# --- evaluation
case_is 0 'evaluate' habit evaluate log.habit pop.model knn.model ease.model sim/truth --json
json
out '"protocol":"leave-one-out"'
out '"model":"pop-7d"'
cp "$work/.out" result.json
# "model":"NAME" ... "NDCG@10":X, in the order of the output
ndcg() { tr '{' '\n' <result.json | awk -v want="\"model\":\"$1\"" '
    index($0, want) { here = 1 }
    here && match($0, /"NDCG@10":[0-9.e-]+/) { print substr($0, RSTART + 10, RLENGTH - 10); exit }'; }
best() {
    truth=$(ndcg truth)
    [ -n "$truth" ] || return 1
    for m in pop-7d pop.model knn.model ease.model; do
        x=$(ndcg $m)
        echo "$m $x, truth $truth"
        [ -n "$x" ] && awk "BEGIN { exit !($x < $truth) }" || return 1
    done
}
check 'no model is better than the truth' best
case_is 0 'evaluate as text' habit evaluate log.habit ease.model
out '^model +NDCG@10'
out '^pop-7d '
case_is 0 'no baseline' habit evaluate log.habit ease.model --no-baseline --json
no_out 'pop-7d'

case_is 0 'train on everything' habit train log.habit --model pop --protocol all --out all.model --quiet
case_is 65 'a leak is refused' habit evaluate log.habit all.model --protocol leave-one-out
err 'all.model'
one_line
case_is 0 'unless it is wanted' habit evaluate log.habit all.model --protocol leave-one-out --allow-leak --json
json
out '"leak":true'
case_is 65 'another protocol than that of training' habit evaluate log.habit ease.model --protocol time-split
case_is 0 'a report' habit evaluate log.habit ease.model --report report.html --quiet
check 'the report is a page' grep -qi '<html' report.html

# --- answers
user=$(head -1 ease.model/users.jsonl | tr -d '"')
item=$(head -1 ease.model/items.jsonl | tr -d '"')
case_is 0 'recommend for a user' habit recommend ease.model --user "$user" -n 5
check 'five rows and a header' test "$(wc -l <"$work/.out")" = 6
case_is 0 'recommend as JSON' habit recommend ease.model --user "$user" -n 5 --json
json
case_is 0 'recommend for a history' habit recommend ease.model --history "$item" -n 3
no_out "^ *[0-9]+  $item "
case_is 66 'an unknown user' habit recommend ease.model --user nobody-at-all
err "no user 'nobody-at-all'"
case_is 66 'an unknown history' habit recommend ease.model --history nothing-at-all
case_is 66 'no model' habit recommend none.model --user "$user"
err 'none.model: no model there'
case_is 0 'everybody, as TSV' habit recommend ease.model --users all --out all.tsv -n 5 --threads 1 --quiet
check 'a header' sh -c 'head -1 all.tsv | grep -q "^user	item	score	rank$"'
case_is 0 'everybody with two threads' habit recommend ease.model --users all --out all2.tsv -n 5 --threads 2 --quiet
check 'the same file' cmp all.tsv all2.tsv
habit recommend ease.model --user "$user" -n 5 2>/dev/null | awk 'NR > 1 { print $2 }' >single.txt
awk -F '\t' -v u="$user" '$1 == u { print $2 }' all.tsv >bulk.txt
check 'one user and everybody agree' cmp single.txt bulk.txt
case_is 0 'everybody, as JSON lines' habit recommend ease.model --users all --out all.jsonl -n 5 --quiet
check 'a line per user' test "$(wc -l <all.jsonl)" = "$(wc -l <ease.model/users.jsonl)"

# --- vectors
if habit models --json | grep -q '"model":"bpr"'; then
    case_is 0 'train bpr' habit train log.habit --model bpr --epochs 7 --out bpr.model --log bpr.jsonl --json
    out '"epochs":7,"epoch_seconds":[0-9]'
    check 'a line per epoch' test "$(wc -l <bpr.jsonl)" = 7
    check 'with its loss and speed' grep -qE '^[{]"epoch":7,"loss":[0-9.]+,"targets":[0-9]+,"seconds":[0-9.]+,"targets_per_second":[0-9.e+]+[}]$' bpr.jsonl
    case_is 66 'a log nowhere' habit train log.habit --model bpr --out b.model --log no/where.jsonl
    err 'no/where.jsonl'
    case_is 0 'export npy' habit export bpr.model --embeddings items.npy --quiet
    check 'a row of ids per item' test "$(wc -l <items.npy.ids.txt)" = "$(wc -l <bpr.model/items.jsonl)"
    check 'the magic of npy' sh -c 'head -c 6 items.npy | grep -q NUMPY'
    case_is 0 'export word2vec' habit export bpr.model --embeddings users.txt --of users --quiet
    check 'a header of rows and columns' sh -c 'head -1 users.txt | grep -qE "^[0-9]+ [0-9]+$"'
fi
case_is 64 'no vectors' habit export ease.model --embeddings e.npy
err 'no vectors'

# --- networks
small='--dim 8 --max-len 20 --epochs 1 --quiet'
# shellcheck disable=SC2086 # options are a list
for o in '1:--loss bce' '256:--loss sampled' '16:--loss bce --task probability' '16:--task probability --loss bce' '3:--loss bce --negatives 3'; do
    case_is 0 "negatives of ${o#*:}" habit train log.habit --model sasrec $small ${o#*:} --out n.model
    check "are ${o%%:*}" grep -q "\"negatives\":${o%%:*}," n.model/config.json
done
case_is 0 'negatives of both kinds' habit train log.habit --model sasrec --dim 8 --max-len 20 --epochs 2 --loss sampled --negatives 20 --sampler mixed --logq --out mix.model --quiet
case_is 64 'not where sessions stand side by side' habit train log.habit --model gru4rec --mode session --sampler mixed --out x.model
err 'one power'
case_is 0 'train sasrec' habit train log.habit --model sasrec --dim 8 --max-len 20 --epochs 3 --out s.model --log s.jsonl --json
check 'validation by epoch' grep -qE '"epoch":3,.*"valid":[{]"NDCG@10":[0-9.e-]+[}][}]$' s.jsonl
check 'the same lines in the model' cmp s.jsonl s.model/training.jsonl
check 'no checkpoint is left' test ! -e s.model.checkpoint
grep -qw avx512_bf16 /proc/cpuinfo 2>/dev/null || {
    case_is 64 'bf16 where the CPU has none' habit train log.habit --model sasrec --precision bf16 --out h.model
    one_line
    err 'AVX512_BF16'
}
case_is 0 'evaluate sasrec' habit evaluate log.habit s.model --json
case_is 0 'sasrec answers a stranger' habit recommend s.model --history "$(head -1 s.model/items.jsonl | tr -d '"')" -n 3
"$HABIT" train log.habit --model sasrec --dim 8 --max-len 20 --epochs 5000 --patience 0 --out t.model --log t.jsonl >/dev/null 2>t.err &
pid=$!
n=0
while ! test -s t.jsonl && [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done
kill -TERM $pid # a shell's background jobs do not hear INT
wait $pid && status=0 || status=$?
check 'a stop is told' test $status != 0
check 'and how to go on' grep -q 'resume goes on from t.model.checkpoint' t.err
check 'from here' test -f t.model.checkpoint/state.safetensors
if command -v script >/dev/null 2>&1; then
    case_is 0 'a terminal' script -qec "$HABIT train log.habit --model sasrec --dim 64 --max-len 50 --epochs 40 --patience 0 --valid-every 40 --threads 1 --out b.model" /dev/null
    out 'sasrec, loss [0-9.]+ \[[#.]+\] +[0-9]+%  [0-9.]+k  [0-9.]+k?/s  left [0-9]+:[0-9][0-9]'
fi
case_is 70 'a loss that is not finite' habit train log.habit --model sasrec --dim 8 --max-len 20 --optimiser sgd --lr 1000 --weight-decay 1 --epochs 50 --out d.model --quiet
err 'the loss of step [0-9]+ is not finite; lower --lr'
one_line
check 'no model is left of it' test ! -e d.model
case_is 64 'not with other options' habit train log.habit --model sasrec --dim 8 --max-len 20 --epochs 5000 --patience 0 --lr 0.01 --out t.model --resume
err 'other data or options'
if command -v gnuplot >/dev/null 2>&1; then
    case_is 0 'pictures' habit report s.model --out pictures
    check 'of the training' sh -c 'head -c 4 pictures/training.png | grep -q PNG'
    check 'and of the items' sh -c 'head -c 4 pictures/items.png | grep -q PNG'
    check 'nobody asked for attention' test ! -e pictures/attention.png
    case_is 0 'attention' habit report s.model --user "$user" --events 12 --out pictures
    check 'is drawn' sh -c 'head -c 4 pictures/attention.png | grep -q PNG'
    case_is 64 'a model without attention' habit report ease.model --user "$user" --out pictures
    err 'ease has no attention'
    one_line
    case_is 66 'a user who is not known' habit report s.model --user nobody-at-all --out pictures
    one_line
fi

# --- several steps
case_is 0 'train seq2seq' habit train log.habit --model seq2seq --dim 8 --max-len 20 --steps 4 --epochs 3 --out q.model --quiet
check 'the model knows what behaviours are called' test "$(cat q.model/behaviours.jsonl | tr '\n' ' ')" = '"buy" "cart" "rate" "view" '
case_is 0 'the next steps' habit recommend q.model --user "$user" --steps 4
out '^step +item +behaviour +p\(item\) +p\(behaviour\) +p\(so far\)$'
out '^ +4 +i[0-9]+ +(buy|cart|rate|view) +[0-9.e-]+ +[0-9.e-]+ +[0-9.e-]+$'
check 'a row for each' test "$(wc -l <"$work/.out")" = 5
case_is 0 'by a beam, as JSON' habit recommend q.model --user "$user" --steps 4 --beam 5 --seen keep --json
json
beam=$(tr ',' '\n' <"$work/.out" | sed -n 's/"joint_probability":\([0-9.e-]*\)}.*/\1/p' | tail -1)
case_is 0 'greedy, as JSON' habit recommend q.model --user "$user" --steps 4 --seen keep --json
out '^[{]"steps":\[[{]"step":1,"item":"i[0-9]+","item_probability":[0-9.e-]+,"behaviour":"[a-z]+","behaviour_probability":[0-9.e-]+,"joint_probability":[0-9.e-]+[}],'
greedy=$(tr ',' '\n' <"$work/.out" | sed -n 's/"joint_probability":\([0-9.e-]*\)}.*/\1/p' | tail -1)
check 'the beam is at least as likely' awk "BEGIN { exit !($beam >= $greedy * 0.999999 && $greedy > 0) }"
first=$(tr ',' '\n' <"$work/.out" | sed -n 's/"item":"\(.*\)"/\1/p' | head -1)
case_is 0 'items to choose from' habit recommend q.model --user "$user" -n 1 --seen keep
out "^ +1 +$first "
case_is 0 'the steps of a stranger' habit recommend q.model --history "$item" --steps 1
case_is 64 'more steps than were learned' habit recommend q.model --user "$user" --steps 5
err 'learned to tell 1 to 4; train with --steps 5'
one_line
case_is 64 'steps of another model' habit recommend ease.model --user "$user" --steps 2
err 'ease tells the next item alone'
case_is 64 'a beam without steps' habit recommend q.model --user "$user" --beam 2
case_is 64 'steps of everybody' habit recommend q.model --users all --out q.tsv --steps 2
err '^habit recommend: --steps goes with --user or --history'

# --- search
printf 'l2: [10, 100, 1000]\n' >space.yaml
case_is 0 'tune' habit tune log.habit --model ease --space space.yaml --journal j.jsonl --best best.yaml --json
json
check 'a line per trial' test "$(wc -l <j.jsonl)" = 3
check 'the best options' grep -q '^l2: ' best.yaml
cp best.yaml first.yaml
head -2 j.jsonl >k.jsonl
printf '{"half":' >>k.jsonl
case_is 0 'tune goes on after a crash' habit tune log.habit --model ease --space space.yaml --journal k.jsonl --best best.yaml --json
out '"from_journal":true'
check 'only what was missing was run' test "$(wc -l <k.jsonl)" = 3
check 'the same best' cmp first.yaml best.yaml
case_is 0 'the best options train' habit train log.habit --config best.yaml --out best.model --quiet
check 'with the value found' grep -q "\"l2\":$(sed -n "s/^l2: '\(.*\)'/\1/p" best.yaml)" best.model/config.json
printf 'l2: [1000, 10, 100]\n' >unsorted.yaml
case_is 0 'tune tries in the order given' habit tune log.habit --model ease --space unsorted.yaml --json
out '"rows":\[[{]"trial":2,"l2":"10",[^}]*[}],[{]"trial":3,"l2":"100",[^}]*[}],[{]"trial":1,"l2":"1000",[^}]*[}]\],"best":[{]"trial":2,'
if command -v gnuplot >/dev/null; then
    case_is 0 'pictures of a search that is over' habit tune log.habit --model ease --space space.yaml --journal j.jsonl --plots searched --json
    out '"files":\["searched/trials.png","searched/options.png"\]'
    for f in trials options; do
        check "of $f" sh -c "head -c 4 searched/$f.png | grep -q PNG"
    done
    case_is 66 'a folder that cannot be' habit tune log.habit --model ease --space space.yaml --plots log.habit/x
fi
printf 'l3: [1]\n' >typo.yaml
case_is 64 'a space with an unknown option' habit tune log.habit --model ease --space typo.yaml
err "typo.yaml:1: the model has no option 'l3'; did you mean 'l2'"

# --- config files
printf 'model: ease\nl2: 42\nseed: 3\n' >run.yaml
case_is 0 'a config file with the model in it' habit train log.habit --config run.yaml --out c.model --quiet
check 'its options' grep -q '"l2":42' c.model/config.json
case_is 0 'the command line wins' habit train log.habit --config run.yaml --l2 43 --out c.model --quiet
check 'over the file' grep -q '"l2":43' c.model/config.json

# --- models of other versions
sed 's/"model_version":[0-9]*/"model_version":99/' ease.model/config.json >other.json
cp -r ease.model other.model
mv other.json other.model/config.json
rm -f other.model/checksums.xxh128 # the first folders had none
case_is 65 'a model of another version' habit recommend other.model --user "$user"
err 'other.model/config.json: ease of version 99, this habit has version 1: train again'
one_line
sed 's/"model_version":[0-9]*, *//; s/,"model_version":[0-9]*//' ease.model/config.json >other.model/config.json
check 'says no version' sh -c '! grep -q model_version other.model/config.json'
case_is 0 'of the first version, which did not say so' habit recommend other.model --user "$user"
cp -r q.model other
rm -f other/checksums.xxh128
sed 's/"model_version":[0-9]*, *//; s/,"model_version":[0-9]*//' q.model/config.json >other/config.json
case_is 65 'the first version of a model that has a second' habit recommend other --user "$user"
err 'seq2seq of version 1'

# --- damaged models
cp -r ease.model broken.model
printf '{' >broken.model/config.json
case_is 65 'a broken config.json' habit recommend broken.model --user "$user"
err 'broken.model/config.json:1'
cp ease.model/config.json broken.model/config.json
head -c 100 ease.model/model.safetensors >broken.model/model.safetensors
case_is 65 'truncated arrays' habit recommend broken.model --user "$user"
cp ease.model/model.safetensors broken.model/
sed 1d ease.model/items.jsonl >broken.model/items.jsonl
case_is 65 'an item is missing' habit recommend broken.model --user "$user"
err 'items'
mkdir precious && : >precious/thesis.txt
case_is 74 'a folder that is not a model is never replaced' habit train log.habit --model pop --out precious
check 'it is whole' test -e precious/thesis.txt
no_debris
finish
