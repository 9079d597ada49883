#!/bin/sh
# mutations.sh - takes a promise out of the source and sees the tests that watch it turn red.
#
#     tests/mutations.sh [NAME]...        all of them, or some; `list` names them
#
# Works on a copy of the tree, built by itself; nothing here is touched.  A mutation that no longer
# changes anything, or that the tests do not notice, is a failure.  Last line: how many were noticed.
set -eu
cd "$(dirname "$0")/.."

# name|file|sed script|the test that must turn red
table() {
    cat <<'ROWS'
sync-always|src/store/sqlite_schema.c|s/PRAGMA synchronous = FULL/PRAGMA synchronous = NORMAL/|test_db_power
sync-interval|src/store/sqlite_write.c|s/if (log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) != SQLITE_OK)/if (!log->pMethods->xSync)/|test_db_power
sync-before-fold|src/store/sqlite_schema.c|s/PRAGMA synchronous = NORMAL/PRAGMA synchronous = OFF/|test_db_power
stop-after-failed-sync|src/store/db.c|/^static void refuse_from_now/,/^}/s/d->seen.refuses = true;/(void)d;/|test_db
full-disk-is-no-failed-sync|src/store/db.c|s/if (st == HABIT_EIO) refuse_from_now(d);/if (st != HABIT_OK) refuse_from_now(d);/|test_disk_full
log-in-memory|src/store/sqlite_schema.c|s/PRAGMA journal_mode = WAL/PRAGMA journal_mode = MEMORY/|test_kills
known-event-ids|src/store/sqlite_write.c|s/sqlite_bind_text(s, 6, e->id);/sqlite3_bind_null(s, 6);/|test_kills
model-checksums|src/models/checksums.c|s/len == now.len && memcmp(written, now.data, len) == 0/len <= SIZE_MAX/|test_damage
dataset-checksum|src/data/dataset_check.c|s/if (XXH3_64bits_digest(s->hash) != entry->checksum)/if (!entry)/|test_dataset
history-items|src/models/folder.c|s/if (h.item\[e\] >= items)/if (false \&\& items)/|test_damage
waiting-for-slow-bodies|src/serve/http.c|s/^    if (\*len) {$/    if (*len) { poll(NULL, 0, 40);/|test_clients
fat-connections|src/serve/service.c|s/HEADER_MOST = 8 << 10/HEADER_MOST = 32 << 10/|test_clients
gorse-later|src/serve/gorse_recommend.c|s/a.about.now + delay)/a.about.now)/|test_gorse
gorse-strangers|src/serve/gorse_recommend.c|s/known ? a->user : (db_text){ 0 }/a->user/|test_gorse
seen-is-not-done|src/serve/service.c|s/return EVENT_SEEN/return EVENT_DONE/|test_gorse
patches-in-part|src/store/sqlite_write.c|s/coalesce(?6, comment)/?6/|test_gorse
deleted-items-again|src/serve/items.c|s/if (deleted) items_put/if (false) items_put/|test_gorse
names-twice|src/serve/body.c|s/JSON_REJECT_DUPLICATES/0/|test_json
ROWS
}

if [ "${1:-}" = list ]; then
    table | cut -d'|' -f1
    exit
fi
[ $# -gt 0 ] || set -- $(table | cut -d'|' -f1)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/habit-mutations-XXXXXX")
trap 'rm -rf "$scratch"' EXIT INT TERM
git ls-files -z | xargs -0 cp --parents -t "$scratch"
export CCACHE_BASEDIR="$scratch" CCACHE_NOHASHDIR=1 HABIT_ROOT="$scratch" HABIT_FLIPS=3000 HABIT_KILLS=25
[ ! -x "$(command -v ccache)" ] || export CC='ccache gcc'
cd "$scratch"
meson setup build >setup.log 2>&1 || { cat setup.log; exit 1; }

# build TEST: the command and one test
build() { ninja -C build habit "tests/$1" >build.log 2>&1 || { tail -20 build.log >&2; return 1; }; }

# run TEST: its exit status
run() {
    status=0
    (cd build && timeout 600 "./tests/$1" "$PWD/habit") >run.log 2>&1 || status=$?
    return $status
}

# A test that is red anyway notices nothing.
green=
must_be_green() {
    case " $green " in *" $1 "*) return 0 ;; esac
    build "$1" || exit 1
    if ! run "$1" && [ "$status" != 77 ]; then
        cat run.log >&2
        echo "$1 is red before anything was changed" >&2
        exit 1
    fi
    green="$green $1"
}

noticed=0 missed=0 skipped=0
for name in "$@"; do
    line=$(table | grep "^$name|") || { echo "no mutation '$name'" >&2; exit 64; }
    file=$(echo "$line" | cut -d'|' -f2)
    test=${line##*|}
    script=${line#"$name|$file|"}
    script=${script%"|$test"}
    must_be_green "$test"
    cp "$file" whole
    sed -i "$script" "$file"
    if cmp -s "$file" whole; then
        verdict='MISSED: it changes nothing any more'
    elif ! build "$test"; then
        verdict='MISSED: it does not build'
    elif run "$test"; then
        verdict="MISSED: $test is green"
    elif [ "$status" = 77 ]; then
        verdict="skipped: $test does not run here"
    else
        said=$(grep -m1 '\.c:[0-9]*: ' run.log | sed 's|.*tests/||' | cut -c1-110)
        verdict="noticed by $test: ${said:-status $status}"
    fi
    case $verdict in MISSED*) missed=$((missed + 1)) ;; skipped*) skipped=$((skipped + 1)) ;; *) noticed=$((noticed + 1)) ;; esac
    printf '%-28s %s\n' "$name" "$verdict"
    mv whole "$file"
    touch "$file"
done
tail=
[ "$skipped" = 0 ] || tail=", $skipped skipped"
printf 'mutations: %d passed, %d failed%s\n' "$noticed" "$missed" "$tail"
[ "$missed" = 0 ] && [ "$noticed" -gt 0 ]
