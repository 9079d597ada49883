#!/bin/sh
# logs.sh - the main job on real logs of other people's making, found through HABIT_DATA.
. "$(dirname "$0")/harness.sh"
[ -f "$HABIT_DATA/ml-100k/u.data" ] || skip "no real logs in $HABIT_DATA (set HABIT_DATA)"

# counts LABEL FILE USERS ITEMS EVENTS: as their publishers count them
counts() {
    case_is 0 "$1" habit inspect "$HABIT_DATA/$2" --json
    out "\"users\":$3[,}]"
    out "\"items\":$4[,}]"
    out "\"events\":$5[,}]"
}
counts 'ml-100k' ml-100k/u.data 943 1682 100000
counts 'movietweetings' movietweetings-100k/ratings.dat 16554 10506 100000
counts 'ml-1m as pairs' ml-1m/ml-1m.txt 6040 3416 999611
counts 'LastFM as sequences' s3rec/LastFM.txt 1090 3646 52551

case_is 0 'titles of ml-100k' habit import "$HABIT_DATA/ml-100k/u.data" --items "$HABIT_DATA/ml-100k/u.item" --to ml.habit --quiet
for model in itemknn ease; do
    case_is 0 "train $model" habit train ml.habit --model $model --out $model.model --quiet
done
case_is 0 'evaluate' habit evaluate ml.habit itemknn.model ease.model --json --quiet
json
out '"users":943'
case_is 0 'recommend' habit recommend ease.model --user 1 -n 5
out '\([12][0-9]{3}\)$' # a year at the end of a title
case_is 0 'a stranger' habit recommend ease.model --history 50,181 -n 5
no_out '^ *[0-9]+ +(50|181) '

# On the event before the last, a mean per user and per item has an RMSE of .9967 at its best shrinkage,
# the mean of all 1.189.
case_is 0 'ratings of a network' habit train ml.habit --model lstm --task rating --dim 16 --max-len 100 --batch 32 --lr 0.01 --epochs 8 --valid-metric RMSE --out rated --json --quiet
rmse=$(sed 's/.*"RMSE":\([0-9.]*\).*/\1/' "$work/.out")
check 'beat means' awk "BEGIN { exit !($rmse > 0.9 && $rmse < 0.9967) }"
finish
