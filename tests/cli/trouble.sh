#!/bin/sh
# trouble.sh - full disk, no memory, a kill in the middle: clear words, the right exit code, and
# nothing lost or half-written.
. "$(dirname "$0")/harness.sh"

habit simulate --out sim --users 2000 --items 400 --events 120000 --quiet >/dev/null 2>&1 || skip 'no simulator'
habit import sim/events.csv --to log.habit --quiet >/dev/null
cp log.habit before.habit

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
    check 'nothing is left there' test -z "$(ls -A disk)"
    umount disk
fi
no_debris

# --- out of memory: EASE wants items x items numbers, over a gigabyte here.  Sanitizers reserve
# terabytes of addresses: there the limit means nothing.
starved() { (ulimit -v 900000 && timeout 60 "$HABIT" "$@"); }
# Whatever needs no matrix library does not load it, which would wait for ever where memory is limited.
narrow() { (ulimit -v 250000 && timeout 60 "$HABIT" "$@"); }
if starved --version >/dev/null 2>&1; then
    habit simulate --out wide --users 3000 --items 30000 --events 60000 --columns lean --quiet >/dev/null
    case_is 0 'little memory is enough' narrow inspect wide/events.csv
    case_is 71 'out of memory' starved train wide/events.csv --model ease --out oom.model --threads 1
    err '^habit train: out of memory: '
    one_line
    check 'no model is there' test ! -e oom.model
    no_debris
fi

# --- killed in the middle, at many moments
habit train log.habit --model pop --out kept.model --quiet >/dev/null
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
