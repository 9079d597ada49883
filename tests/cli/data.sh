#!/bin/sh
# data.sh - reading: every way in, and every way in which data can be bad.
. "$(dirname "$0")/harness.sh"

cat >good.csv <<'END'
user_id,item_id,rating,timestamp
u1,i1,5,1000000000
u1,i2,4,1000000060
u1,i3,4,1000000070
u2,i1,3,1000000120
u2,i3,4,1000000130
u2,i2,5,1000000180
u3,i3,1,1000000240
u3,i1,2,1000000250
u3,i4,2,1000000260
END

case_is 0 'import' habit import good.csv --to good.habit --json
json
out '"rows": ?9'
case_is 0 'inspect as text' habit inspect good.habit
out 'users +3'
case_is 0 'inspect as JSON' habit inspect good.habit --json
json
out '"users":3'
out '"items":4'
out '"events":9'
case_is 0 'inspect a raw file' habit inspect good.csv --json
out '"events":9'

# The same content by every way in has the same fingerprint.
fingerprint() { habit inspect "$@" --json --quiet 2>/dev/null | sed -n 's/.*"fingerprint": *"\([^"]*\)".*/\1/p'; }
want=$(fingerprint good.csv)
label='a fingerprint is printed'
cases=$((cases + 1))
[ -n "$want" ] || failed 'no fingerprint in inspect --json'
gzip -k good.csv
same() { [ "$(fingerprint "$@")" = "$want" ]; }
check 'gzip' same good.csv.gz
if command -v zstd >/dev/null 2>&1; then
    zstd -q good.csv
    check 'zstd' same good.csv.zst
fi
stdin() { [ "$(fingerprint - <good.csv)" = "$want" ]; }
check 'standard input' stdin
stdin_gz() { [ "$(fingerprint - <good.csv.gz)" = "$want" ]; }
check 'gzip on standard input' stdin_gz

case_is 66 'a missing file' habit import nowhere.csv --to x.habit
err '^habit import: .*nowhere.csv'
one_line
: >empty.csv
case_is 65 'an empty file' habit import empty.csv --to x.habit
err 'empty.csv'
one_line
mkdir folder
case_is 65 'a folder' habit import folder --to x.habit
err 'folder is a folder: name the files in it'
one_line
head -c 100 good.csv.gz >cut.csv.gz
case_is 65 'a gzip file cut short' habit import cut.csv.gz --to x.habit
err 'cut.csv.gz'
one_line
head -c 3000 "$HABIT" >binary
case_is 65 'a binary file' habit import binary --to x.habit
err 'binary file'
one_line
check 'and nothing is written' test ! -e x.habit
printf 'user_id,item_id\n' >header.csv
case_is 65 'a header and nothing else' habit import header.csv --to x.habit
err 'header.csv'

sed '4s/.*/u1,i3,four,1000000070/' good.csv >bad.csv
case_is 65 'a bad row is named by file, line and column' habit import bad.csv --to x.habit
err 'bad.csv:4:7: '
one_line
check 'and nothing is written' test ! -e x.habit
no_debris
case_is 0 '--skip-bad-rows' habit import bad.csv --to x.habit --skip-bad-rows 1 --rejects rejects.txt
check 'the rejects file has the row and the reason' grep -q 'bad.csv:4:7.*u1,i3,four' rejects.txt
sed '5s/.*/u2/' bad.csv >worse.csv
case_is 65 'more bad rows than allowed' habit import worse.csv --to y.habit --skip-bad-rows 1
check 'and nothing is written' test ! -e y.habit

case_is 64 'unknown column' habit import good.csv --to y.habit --columns user=visitor
err "visitor"
one_line
case_is 64 'unknown value column' habit import good.csv --to y.habit --value ratng
err "ratng"
one_line
case_is 64 'unknown column of a rule' habit import good.csv --to y.habit --where 'ratng >= 3'
err "did you mean 'rating'"
case_is 66 'an item table that is not there' habit import good.csv --to y.habit --items nowhere.csv
err 'nowhere.csv'
check 'and nothing is written' test ! -e y.habit
case_is 64 'a role nobody knows' habit import good.csv --to y.habit --columns whom=user_id
err 'whom'
head -c 200 good.habit >short.habit
case_is 65 'a truncated Dataset' habit inspect short.habit
case_is 64 'no target' habit import good.csv
err '\-\-to FILE'
printf 'old' >kept.habit
case_is 66 'a folder that is not there' habit import good.csv --to none/x.habit
err 'none/x.habit'
finish
