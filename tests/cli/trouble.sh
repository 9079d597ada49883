#!/bin/sh
# trouble.sh - full disk, no memory, a kill in the middle: clear words, the right exit code, and
# nothing lost or half-written.
. "$(dirname "$0")/harness.sh"

habit simulate --out sim --users 2000 --items 400 --events 120000 --quiet >/dev/null 2>&1 || skip 'no simulator'
habit import sim/events.csv --to log.habit --quiet >/dev/null
cp log.habit before.habit
sed 's/^[^,]*,/,/' sim/events.csv | sed '1s/^/user_id/' >spoilt.csv
habit train log.habit --model pop --out kept.model --quiet >/dev/null
habit train log.habit --model bpr --epochs 1 --out vectors.model --quiet >/dev/null

# --- a limit on file size stands for a full disk where no small disk can be mounted
limited() { (ulimit -f 200 && trap '' XFSZ && "$HABIT" "$@"); } # 200 blocks of 512 bytes
case_is 74 'import to a full disk' limited import sim/events.csv --to log.habit
err 'log.habit'
one_line
check 'the old file is whole' cmp log.habit before.habit
case_is 74 'train to a full disk' limited train log.habit --model itemknn --out full.model
check 'no model is there' test ! -e full.model
if [ "$(id -u)" = 0 ] && mkdir disk && mount -t tmpfs -o size=256k none disk 2>/dev/null; then
    case_is 74 'import to a full file system' habit import sim/events.csv --to disk/log.habit --scratch "$work"
    err 'No space left'
    check 'nothing is left there' test -z "$(ls -A disk)"
    case_is 74 'train to a full file system' habit train log.habit --model itemknn --out disk/full.model
    err 'No space left'
    check 'nothing is left there' test -z "$(ls -A disk)"
    case_is 74 'scratch files on a full file system' habit import sim/events.csv --to no.habit --scratch disk --memory 1M
    err '[-][-]scratch'
    check 'nothing is left there' test -z "$(ls -A disk)"
    case_is 74 'rejects on a full file system' habit import spoilt.csv --to no.habit --skip-bad-rows 1000000 --rejects disk/rejects
    err 'disk/rejects: No space left'
    check 'no file is there' test ! -e no.habit
    rm -f disk/rejects
    case_is 74 'simulate to a full file system' habit simulate --out disk/sim --events 20000
    err 'No space left'
    check 'nothing is left there' test -z "$(ls -A disk)"
    case_is 74 'recommend to a full file system' habit recommend kept.model --users all --out disk/all.tsv -n 50
    err 'No space left'
    check 'nothing is left there' test -z "$(ls -A disk)"
    head -c 300k /dev/zero >disk/fill 2>/dev/null
    case_is 74 'a report to a full file system' habit evaluate log.habit kept.model --report disk/report.html
    err 'No space left'
    check 'only what was there is there' test "$(ls -A disk)" = fill
    case_is 74 'vectors to a full file system' habit export vectors.model --embeddings disk/e.npy
    err 'No space left'
    check 'only what was there is there' test "$(ls -A disk)" = fill
    umount disk
fi
no_debris

if [ -c /dev/full ]; then
    for model in bpr sasrec; do
        case_is 74 "the log of $model to a full disk" habit train log.habit --model $model --dim 8 --epochs 1 --out no.model --log /dev/full
        err '/dev/full: No space left'
        check 'no model is there' test ! -e no.model
    done
fi

# --- out of memory: EASE wants items x items numbers, over a gigabyte here.  Sanitizers reserve
# terabytes of addresses: there the limit means nothing.
starved() { (ulimit -v "$1" && shift && "$HABIT" "$@"); }
if starved 900000 --version >/dev/null 2>&1; then
    habit simulate --out wide --users 3000 --items 30000 --events 60000 --columns lean --quiet >/dev/null
    case_is 71 'out of memory' starved 900000 train wide/events.csv --model ease --out oom.model --threads 1
    err '^habit train: out of memory: '
    one_line
    check 'no model is there' test ! -e oom.model
    no_debris
    # under every limit a command ends, with what was asked or with a word
    for kb in 100000 130000 170000 250000 400000; do
        for words in 'import sim/events.csv --to oom.habit' 'train log.habit --model ials --dim 8 --iterations 1 --out oom.model' \
            'train log.habit --model ease --out oom.model' 'simulate --out oom.sim --events 1000' 'inspect log.habit'; do
            label="$words in $kb kB" cases=$((cases + 1)) status=0
            # shellcheck disable=SC2086 # a list of words
            starved $kb $words --quiet >"$work/.out" 2>"$work/.err" </dev/null || status=$?
            case $status in
            0 | 127) ;; # 127: not even the libraries could be loaded
            71) err 'out of memory' ;;
            *) failed "exit status $status" ;;
            esac
            rm -rf oom.habit oom.model oom.sim
        done
    done
    no_debris
fi

# --- killed in the middle, at many moments
cp -r kept.model kept.before
for signal in INT TERM KILL; do
    for wait in 0.02 0.05 0.1 0.2 0.4; do
        cp before.habit target.habit
        setsid "$HABIT" import sim/events.csv --to target.habit --quiet >/dev/null 2>&1 </dev/null &
        pid=$!
        sleep $wait
        kill -$signal $pid 2>/dev/null
        wait $pid 2>/dev/null
        check "import, $signal after $wait s: a whole file" "$HABIT" inspect target.habit --quiet
        [ $signal = KILL ] || no_debris
        rm -rf ./*.tmp-*
        setsid "$HABIT" train log.habit --model bpr --out kept.model --quiet >/dev/null 2>&1 </dev/null &
        pid=$!
        sleep $wait
        kill -$signal $pid 2>/dev/null
        wait $pid 2>/dev/null
        check "train, $signal after $wait s: a whole model" "$HABIT" recommend kept.model --history "$(head -1 kept.before/items.jsonl | tr -d '"')"
        [ $signal = KILL ] || no_debris
        rm -rf ./*.tmp-*
    done
done

# An interrupt is answered with 130.
interrupted() {
    "$HABIT" train log.habit --model bpr --epochs 100000 --out long.model --quiet &
    pid=$!
    sleep 1
    kill -TERM $pid
    wait $pid
}
case_is 130 'stopped on request' interrupted
err 'stopped'
check 'no model is there' test ! -e long.model
no_debris
finish
