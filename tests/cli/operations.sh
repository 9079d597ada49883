#!/bin/sh
# operations.sh - docs/operations.md and what packaging/ holds: every block marked sh runs as it stands,
# the unit is well-formed, the options file is taken, the container has the libraries it needs.
. "$(dirname "$0")/harness.sh"
for tool in curl openssl; do
    command -v $tool >/dev/null 2>&1 || skip "$tool is not installed"
done
mkdir bin && ln -s "$HABIT" bin/habit && PATH=$PWD/bin:$PATH
unset -f habit # the command itself, as a reader has it
habit serve --help 2>&1 | grep -q port || skip 'built without the live service'
trap 'kill $(cat serve.pid) 2>/dev/null; cd /; rm -rf "$work"' EXIT

# On a port that is free.
use_free_port
awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$ROOT/docs/operations.md" | sed "s/8088/$port/g" >block.txt
check 'there are blocks' test "$(wc -l <block.txt)" -gt 15
while IFS= read -r line; do
    case_is 0 "$line" sh -c "$line"
done <block.txt

# packaging/serve.yaml is taken as it stands.
habit serve knn.model --store yaml.db --config "$ROOT/packaging/serve.yaml" --port "$port" 2>yaml.log >/dev/null &
echo $! >serve.pid
check 'packaging/serve.yaml' curl -sSf --retry 30 --retry-connrefused "localhost:$port/readyz"
check 'its log is JSON' grep -q '^{"time":.*listening' yaml.log
kill "$(cat serve.pid)"

# The unit, with the habit of this build in the place of the installed one.
if command -v systemd-analyze >/dev/null 2>&1; then
    sed "s|@bindir@/habit|$HABIT|; /^Documentation/d" "$ROOT/packaging/habit.service.in" >habit.service
    case_is 0 'systemd-analyze verify' systemd-analyze verify ./habit.service
    no_err 'habit.service'
    check 'systemd-analyze security' sh -c 'systemd-analyze security --offline=true --threshold=20 ./habit.service'
fi

# Each library that the program names comes with a package of the Dockerfile.
if command -v dpkg >/dev/null 2>&1 && command -v readelf >/dev/null 2>&1 && ! ldd "$HABIT" | grep -q san; then
    sed 's/#.*//' "$ROOT/packaging/Dockerfile" | awk '/^FROM/ { n++ } n == 2' >stage.txt
    for lib in $(readelf -d "$HABIT" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v '^lib[cm]\.so'); do
        package=$(dpkg -S "*/$lib" 2>/dev/null | sed 's/:.*//;1q')
        [ -n "$package" ] || continue # not Debian's
        check "the container has $package" grep -qw -- "$package" stage.txt
    done
fi
finish
