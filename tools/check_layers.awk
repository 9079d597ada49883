# check_layers.awk - refuses an #include that goes up, or across, the layer order.
#
#     awk -f tools/check_layers.awk docs/layers.txt $(find src -name '*.[ch]')
FILENAME == ARGV[1] {
    if (/^#/ || NF == 0) next
    known[$1] = 1
    may[$1, $1] = 1
    for (i = 2; i <= NF; i++) {
        if (!($i in known)) bad($1 " lists " $i ", which is not below it")
        may[$1, $i] = 1
    }
    next
}
FNR == 1 {
    split(FILENAME, path, "/")
    from = path[2]
}
/^#include "/ {
    split($2, path, /["\/]/)
    to = path[2]
    if ($2 == "\"habit.h\"") next # the public header is for everyone
    if (!(from in known)) bad(from " is not in the layer list")
    if (!((from, to) in may)) bad(from " may not include " to)
}
function bad(why) {
    printf "%s:%d: %s\n", FILENAME, FNR, why
    failed = 1
}
END { exit failed }
