#!/bin/sh
# predict.sh - what models say of pairs: scores, probabilities, ratings; and how they are measured.
. "$(dirname "$0")/harness.sh"

case_is 0 'simulate' habit simulate --out sim --users 150 --items 60 --events 5000 --seed 7 --quiet
case_is 0 'import' habit import sim/events.csv --items sim/items.csv --users sim/users.csv --value rating --to log.habit --quiet
small='--dim 8 --epochs 2 --max-len 20 --threads 1 --quiet'
train() { name=$1; shift; case_is 0 "train $name" habit train log.habit --out "$name" "$@"; }
train plain --model ease --quiet
train rated --model lstm --task rating $small
train taken --model sasrec --task probability $small
train liked --model twotower --task probability --positive 4 --item-features category,price --user-features age,country,platforms $small

user=$(head -1 plain/users.jsonl | tr -d '"')
item=$(head -1 plain/items.jsonl | tr -d '"')
other=$(sed -n 2p plain/items.jsonl | tr -d '"')

# --- one person
case_is 0 'scores alone' habit predict plain --user "$user" --item "$item,$other"
check 'a header and two rows' test "$(wc -l <"$work/.out")" = 3
no_out 'rating|probability'
case_is 0 'a score as recommend has it' habit recommend plain --user "$user" -n 100 --seen keep
score=$(awk -v i="$item" '$2 == i { print $3 }' "$work/.out")
case_is 0 'the same' habit predict plain --user "$user" --item "$item"
out "^ *$item +$score\$|^ *$item +$score "
case_is 0 'a rating' habit predict rated --user "$user" --item "$item" --json
json
out '"predicts":"rating".*"rating":[0-9.]+'
case_is 0 'a probability' habit predict taken --history "$item" --item "$other" --json
json
out '"probability":0\.[0-9]+'
case_is 0 'a like' habit predict liked --user "$user" --item "$item"
out 'probability'
case_is 66 'an unknown item' habit predict rated --user "$user" --item "$item,none-such"
err "no item 'none-such'"
case_is 66 'an unknown user' habit predict rated --user nobody --item "$item"
case_is 64 'of what?' habit predict rated --user "$user"
err '[-]-item'
case_is 64 'whose?' habit predict rated --item "$item"
err '[-]-user'
case_is 64 'a file of answers wants pairs' habit predict rated --user "$user" --item "$item" --out x.tsv
case_is 64 'pairs want a file' habit predict rated --pairs pairs.csv
case_is 64 'pairs or one person' habit predict rated --pairs pairs.csv --user "$user" --out x.tsv

# --- a file of pairs
printf 'user_id,item_id\n%s,%s\n' "$user" "$item" >pairs.csv
sed -n 2,40p rated/users.jsonl | tr -d '"' | sed "s/\$/,$other/" >>pairs.csv
printf '%s,%s\nnobody,%s\n%s,none-such\n' "$user" "$other" "$item" "$user" >>pairs.csv
case_is 0 'pairs' habit predict rated --pairs pairs.csv --out one.tsv --threads 1 --quiet --json
json
out '"pairs":43,"strangers":1,"unknown_items":1'
check 'a header' sh -c 'head -1 one.tsv | grep -q "^user	item	score	rating$"'
check 'in their order' sh -c "cut -f 1,2 one.tsv | tr '\t' , | sed 1d >got.csv; sed 1d pairs.csv | cmp - got.csv"
check 'nothing of what is not known' sh -c "tail -1 one.tsv | grep -q 'none-such		\$'"
case_is 0 'with two threads' habit predict rated --pairs pairs.csv --out two.tsv --threads 2 --quiet
check 'the same file' cmp one.tsv two.tsv
case_is 0 'one of them alone' habit predict rated --user "$user" --item "$item" --json
alone=$(sed 's/.*"rating":\([0-9.]*\).*/\1/' "$work/.out")
check 'says the same' grep -q "^$user	$item	.*	$alone" one.tsv
case_is 0 'as JSON lines' habit predict taken --pairs pairs.csv --out all.jsonl --quiet
check 'a line per pair' test "$(wc -l <all.jsonl)" = 43
check 'each with both' sh -c 'head -1 all.jsonl | grep -qE "\"score\":[-0-9.e]+,\"probability\":[0-9.e-]+}"'
check 'null where nothing is known' sh -c 'tail -1 all.jsonl | grep -q "\"score\":null,\"probability\":null"'
case_is 66 'no such pairs' habit predict rated --pairs none.csv --out x.tsv
printf 'a,b\n1,2\n' >odd.csv
case_is 65 'no pairs in it' habit predict rated --pairs odd.csv --out x.tsv
no_debris

# --- measured
case_is 0 'evaluate' habit evaluate log.habit plain rated taken liked --no-baseline --json --quiet
json
out '"RMSE":[0-9.]+'
out '"ECE":0\.[0-9]+'
out '"answers":"probabilities of a value of at least 4;'
out '"answers":"probabilities of its own of being taken;'
case_is 0 'and as text' habit evaluate log.habit rated taken liked --no-baseline --quiet
out '^answers of +RMSE +MAE +AUC +LogLoss +ECE'
out '^rated +[0-9.]+ \['
case_is 64 'a threshold without a task' habit train log.habit --model lstm --positive 4 --out x --quiet
err '[-]-positive'

# --- searched by the metric of the task
printf 'dim: [8, 16]\n' >space.yaml
search() {
    by=$1
    shift
    case_is 0 "searched by $by" habit tune log.habit --space space.yaml --json "$@"
    out "\"metric\":\"$by\""
}
search LogLoss --model sasrec --task probability $small
search RMSE --model lstm --task rating $small
search RMSE --model svdpp --lr 0.0001 --quiet
search 'NDCG@10' --model sasrec $small
search AUC --model sasrec --task probability --valid-metric AUC $small
printf 'task: [ranking, rating]\n' >tasks.yaml
case_is 64 'tasks side by side' habit tune log.habit --model lstm --space tasks.yaml $small
err '[-]-valid-metric'
one_line

finish
