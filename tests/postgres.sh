#!/bin/sh
# postgres.sh - starts a PostgreSQL server of its own and runs a test against it.
#
#     postgres.sh TEST-PROGRAM
#
# The server lives in a temporary folder, listens on a Unix socket there alone, and runs as an
# unprivileged user, as it must.  Exit status 77: there is no PostgreSQL to start.
set -u
case $1 in /*) test=$1 ;; *) test=$PWD/$1 ;; esac
for bin in /usr/lib/postgresql/*/bin /usr/local/bin /usr/bin /opt/homebrew/bin; do
    [ -x "$bin/initdb" ] && [ -x "$bin/pg_ctl" ] && break
done
if [ ! -x "$bin/initdb" ]; then
    echo "skipped: no initdb: install postgresql to run this test"
    exit 77
fi
dir=$(mktemp -d /tmp/habit-test-postgres-XXXXXX) || exit 1
as=
if [ "$(id -u)" = 0 ]; then
    if ! id postgres >/dev/null 2>&1 || ! command -v runuser >/dev/null; then
        echo "skipped: root cannot run PostgreSQL and there is no user postgres"
        rm -rf "$dir"
        exit 77
    fi
    chown postgres "$dir"
    as="runuser -u postgres --"
fi
cd "$dir" || exit 1
stop() {
    $as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' INT TERM
$as "$bin/initdb" -D "$dir/data" -U habit -A trust -E UTF8 --no-sync >"$dir/log" 2>&1 &&
    $as "$bin/pg_ctl" -D "$dir/data" -w -t 60 -l "$dir/data/log" \
        -o "-k '$dir' -c listen_addresses= -c fsync=off" start >>"$dir/log" 2>&1
if [ $? != 0 ]; then
    echo "the server did not start:"
    cat "$dir/log"
    exit 1
fi
chmod 755 "$dir"
"$test" "postgresql://habit@/postgres?host=$dir"
