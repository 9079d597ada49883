#!/bin/sh
# embed.sh PAGE NAME - a page of HTML as a C file: its bytes, a tag of its content, and the policy that
# lets exactly its own <script> and <style> run.  Each of the two stands on lines of their own, once.
set -eu
page=$1 name=$2

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum; else shasum -a 256; fi | sed 's/ .*//'
}
# Hexadecimal digits as base64.
base64() {
    awk '{
        digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (i = 1; i <= length($0); i++) {
            bits = bits * 16 + index("0123456789abcdef", substr($0, i, 1)) - 1
            if (i % 3) continue
            out = out substr(digits, int(bits / 64) + 1, 1) substr(digits, bits % 64 + 1, 1)
            bits = 0
        }
        rest = length($0) % 3
        if (rest == 1) out = out substr(digits, bits * 4 + 1, 1)
        if (rest == 2) out = out substr(digits, int(bits / 4) + 1, 1) substr(digits, bits % 4 * 16 + 1, 1)
        while (length(out) % 4) out = out "="
        print out
    }'
}
# What stands between <TAG> and </TAG>.
inside() { printf '\n' && awk -v open="<$1>" -v close_="</$1>" '$0 == close_ { on = 0 } on; $0 == open { on = 1 }' "$page"; }

for tag in script style; do
    [ "$(grep -c "^<$tag>\$" "$page")" = 1 ] || { echo "embed.sh: $page: not one line <$tag>" >&2; exit 1; }
done
policy="default-src 'none'; script-src 'sha256-$(inside script | sha256 | base64)'; \
style-src 'sha256-$(inside style | sha256 | base64)'; connect-src 'self'; img-src data:; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

cat <<END
// Made by tools/embed.sh.
#include <stddef.h>
extern const unsigned char ${name}_bytes[];
extern const size_t ${name}_len;
extern const char ${name}_tag[], ${name}_policy[];
const size_t ${name}_len = $(wc -c <"$page" | tr -d ' ');
const char ${name}_tag[] = "\"$(sha256 <"$page" | cut -c 1-16)\"";
const char ${name}_policy[] = "$policy";
const unsigned char ${name}_bytes[] = {
$(od -An -v -tu1 "$page" | awk '{ for (i = 1; i <= NF; i++) printf "%s,", $i; print "" }')
};
END
