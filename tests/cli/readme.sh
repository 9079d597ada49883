#!/bin/sh
# readme.sh - the shell blocks of README.md run as they stand, and its links lead somewhere.
. "$(dirname "$0")/harness.sh"
mkdir bin && ln -s "$HABIT" bin/habit && PATH=$PWD/bin:$PATH
unset -f habit # the command itself, as a reader has it
awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$ROOT/README.md" >block.txt
if command -v curl >/dev/null 2>&1; then
    use_free_port
    sed "s/8088/$port/g" block.txt >own.txt && mv own.txt block.txt
else
    sed '/^habit serve/d; /^curl/d; /^kill/d' block.txt >own.txt && mv own.txt block.txt
fi
trap 'kill $(cat serve.pid) 2>/dev/null; cd /; rm -rf "$work"' EXIT
check 'there is a block' test -s block.txt
while IFS= read -r line; do
    case_is 0 "$line" sh -c "$line"
done <block.txt
check 'the report was written' test -s report.html

# [text](path) of every document: the file is there.
for file in "$ROOT"/*.md "$ROOT"/docs/*.md; do
    for link in $(grep -o '](\([^)#]*\)' "$file" | sed 's/^](//' | grep -v '^http'); do
        check "${file#"$ROOT"/} -> $link" test -e "$(dirname "$file")/$link"
    done
done
finish
