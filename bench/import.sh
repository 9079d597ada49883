#!/bin/sh
# import.sh - how fast a large csv becomes a dataset, side by side with polars.
#
#     bench/import.sh [ROWS] [DIR]         20000000 rows in a new folder of $TMPDIR
#     TIMES=10 bench/import.sh             then ten times the rows over the same ids, habit only
#
# HABIT is the command (build/habit), PYTHON an interpreter with polars (python3).  Both run with
# as many threads as the machine has, one after the other, on a file that was just written; what is
# printed is the time of the work alone, without starting up.
set -eu

rows=${1:-20000000}
habit=${HABIT:-build/habit}
python=${PYTHON:-python3}
times=${TIMES:-1}
dir=${2:-}
if [ -z "$dir" ]; then
    dir=$(mktemp -d "${TMPDIR:-/tmp}/habit-bench-XXXXXX")
    trap 'rm -rf "$dir"' EXIT INT TERM
fi

"$habit" simulate --out "$dir/log" --users 200000 --items 50000 --events "$rows" --columns lean \
    --robots 0 --dirt 0 --malformed 0 --seed 1 >/dev/null
log=$dir/log/events.csv
echo "$(wc -l <"$log") lines, $(wc -c <"$log") bytes, $(nproc) threads"

# import LABEL FILE: one line with rows, seconds, processor seconds, peak memory, rate, scratch bytes
import() {
    "$habit" import "$2" --to "$dir/out.habit" --json >"$dir/report.json" 2>/dev/null
    "$python" -c '
import json, sys
r = json.load(open(sys.argv[2]))
r = r.get("report", r)
print("%s rows %d seconds %.2f cpu %.2f memory_mb %.0f rows_per_second %.0f scratch_mb %.0f" % (
    sys.argv[1], r["rows"], r["seconds"], r["cpu_seconds"], r["memory_peak"] / 1e6,
    r["rows"] / r["seconds"], r["spilled_bytes"] / 1e6))' "$1" "$dir/report.json" | tee -a "$dir/figures"
}

: >"$dir/figures"
import habit "$log"
if "$python" -c 'import polars' 2>/dev/null; then
    for kind in ipc parquet; do
        "$python" bench/import_polars.py "$log" "$dir/out" "$kind" |
            sed "s/^/polars-$kind /" | tee -a "$dir/figures"
        rm -f "$dir"/out.*."$kind"
    done
    awk '{ for (i = 2; i < NF; i++) if ($i == "seconds") s[$1] = $(i + 1) }
         END { for (k in s) if (k != "habit") printf "%s / habit: %.1f\n", k, s[k] / s["habit"] }' \
        "$dir/figures"
else
    echo "polars is not installed: no comparison"
fi

if [ "$times" -gt 1 ]; then
    # the log again and again: same ids, and times that start over, so that all must be sorted
    cp "$log" "$dir/many.csv"
    for _ in $(seq 2 "$times"); do tail -n +2 "$log" >>"$dir/many.csv"; done
    rm -f "$log"
    import "habit-x$times" "$dir/many.csv"
fi
