#!/bin/sh
# training.sh - how fast networks learn, beside the same network in PyTorch, in one run.
#
#     PYTHON=venv/bin/python bench/training.sh
#     ROWS="ml1m-bce beauty" bench/training.sh       some rows; ROWS=list names them all
#
# HABIT is the command (build/habit), HABIT_DATA the folder of logs (../shared/data), THREADS how many
# (2), PYTHON a python3 with torch and numpy.  Each row runs habit, then the peer: same log, sizes,
# loss, negatives and threads.  Targets a second are those of the fastest epoch, memory the peak of the
# process; the peer's memory has what importing PyTorch alone takes in brackets.  Take the figures on
# a machine that does nothing else.
set -eu

habit=${HABIT:-build/habit}
data=${HABIT_DATA:-../shared/data}
threads=${THREADS:-2}
python=${PYTHON:-python3}

# name|log|options of habit|epochs of habit|peer and its options|epochs of the peer
table() {
    cat <<'ROWS'
ml1m-bce|ml-1m/ml-1m.txt|sasrec --loss bce --negatives 1 --dim 50 --max-len 200 --dropout 0.2|4|sasrec --loss bce --dim 50 --max-len 200 --dropout 0.2|2
ml1m-softmax|ml-1m/ml-1m.txt|sasrec --loss softmax --dim 64 --max-len 200|3|sasrec --loss softmax --dim 64 --max-len 200 --dropout 0.1|1
beauty|s3rec/Beauty.txt|sasrec --loss bce --negatives 1 --dim 50 --max-len 50 --dropout 0.2|8|sasrec --sequences --loss bce --dim 50 --max-len 50 --dropout 0.2|3
gru4rec-session|ml-1m/ml-1m.txt|gru4rec --mode session --loss bpr-max --dim 100 --batch 64 --negatives 2048|3|gru4rec --mode session --loss bpr-max --dim 100 --batch 64 --negatives 2048|1
gru4rec-packed|ml-1m/ml-1m.txt|gru4rec --loss softmax --dim 64 --max-len 200|3|gru4rec --mode padded --loss ce --dim 64 --max-len 200|1
ROWS
}

if [ "${ROWS:-}" = list ]; then
    table | cut -d'|' -f1
    exit
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/habit-training-XXXXXX")
trap 'rm -rf "$dir"' EXIT INT TERM

# Peak resident MiB of a command, written to $dir/peak; its output stays its own.
measured() {
    "$python" -c '
import resource, subprocess, sys
status = subprocess.call(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
open(sys.argv[1], "w").write("%.0f" % peak)
sys.exit(status)' "$dir/peak" "$@"
}

# fastest FILE: seconds and targets a second of the fastest epoch of JSON lines
fastest() {
    "$python" -c '
import json, sys
rows = [json.loads(l) for l in open(sys.argv[1]) if l.startswith("{\"epoch\"")]
best = max(rows, key=lambda r: r["targets_per_second"])
print("%.2f %.0f" % (best["seconds"], best["targets_per_second"]))' "$1"
}

printf '%-16s %27s %34s %7s\n' '' 'habit' 'PyTorch' ''
printf '%-16s %9s %10s %6s %9s %10s %13s %7s\n' row 's/epoch' targets/s MiB s/epoch targets/s MiB ratio
table | while IFS='|' read -r row log ours epochs peer peer_epochs; do
    case " ${ROWS:-$row} " in *" $row "*) ;; *) continue ;; esac
    # shellcheck disable=SC2086 # options are a list
    measured "$habit" train "$data/$log" --model $ours --epochs "$epochs" --valid-every 1000 --threads "$threads" \
        --out "$dir/$row" --log "$dir/$row.log" --quiet >/dev/null
    mine=$(fastest "$dir/$row.log") mine_peak=$(cat "$dir/peak")
    # shellcheck disable=SC2086 # options are a list
    measured "$python" "$(dirname "$0")"/peer_${peer%% *}.py --data "$data/$log" ${peer#* } --epochs "$peer_epochs" \
        --threads "$threads" >"$dir/peer.log"
    other=$(fastest "$dir/peer.log") other_peak=$(cat "$dir/peak")
    imported=$("$python" -c 'import json, sys; print(json.loads(sys.stdin.read().splitlines()[-1]).get("import_mib", 0))' <"$dir/peer.log")
    printf '%-16s %9s %10s %6s %9s %10s %6s (%4.0f) %7s\n' "$row" $mine "$mine_peak" $other "$other_peak" "${imported%.*}" \
        "$(echo "${mine#* } ${other#* }" | awk '{ printf "%.1f", $1 / $2 }')"
done
