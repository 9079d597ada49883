#!/bin/sh
# ials.sh - seconds per iteration of iALS, side by side with `implicit` (PyPI).
#
#     bench/ials.sh                        Gowalla and ml-1m, 64 and 128 factors, 2 threads
#     THREADS=1 FACTORS="64 256" bench/ials.sh
#
# HABIT is the command (build/habit), PYTHON an interpreter (python3), HABIT_DATA the folder of logs.
# Skipped, exit status 77, where `implicit` or the logs are absent.
set -eu

habit=${HABIT:-build/habit}
python=${PYTHON:-python3}
data=${HABIT_DATA:-../shared/data}

if ! "$python" -c 'import implicit' 2>/dev/null; then
    echo "skipped: $python has no module implicit (pip install implicit)"
    exit 77
fi
if [ ! -d "$data/gowalla-lightgcn" ] || [ ! -d "$data/ml-1m" ]; then
    echo "skipped: no gowalla-lightgcn and ml-1m in $data (set HABIT_DATA)"
    exit 77
fi
# implicit shares users out to threads of its own, and must not have BLAS start more.
OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 exec "$python" "$(dirname "$0")/ials.py" \
    --habit "$habit" --data "$data" --threads "${THREADS:-2}" \
    --factors ${FACTORS:-64 128} --iterations "${ITERATIONS:-8}"
