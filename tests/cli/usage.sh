#!/bin/sh
# usage.sh - help, version, unknown words: what people meet before any data.
. "$(dirname "$0")/harness.sh"

case_is 0 'no verb shows the verbs' habit
out 'simulate +write a realistic log'
case_is 0 '--version' habit --version
out '^habit [0-9]+\.[0-9]+\.[0-9]+ \(kernels: [a-z0-9]+\)$'
case_is 0 'help' habit help
for verb in simulate import inspect train tune evaluate recommend export report serve key backup restore models bench help; do
    case_is 0 "help $verb" habit help $verb
    out "^habit $verb "
    case_is 0 "$verb --help" habit $verb --help
    out "^habit $verb "
done
case_is 0 'help train --model shows the options of the model' habit help train --model ease
out '^options of the model ease$'

case_is 64 'unknown verb' habit trian
err "no verb 'trian'; did you mean 'train'"
case_is 64 'unknown verb of help' habit help trian
err "did you mean 'train'"
case_is 64 'unknown option, nearest of the verb' habit recommend m --sean keep
err '^habit recommend: unknown option --sean; did you mean --seen\?$'
err '^try: habit help recommend$'
one_line
case_is 64 'unknown option, nearest of the command line' habit train d --ouut x
err 'did you mean --out'
case_is 64 'unknown option of a model' habit train d --model ease --l3 4 --out m
err 'unknown option --l3; did you mean --l2'
err '^try: habit help train --model ease$'
case_is 64 'unknown model' habit train d --model eaze --out m
err "no model 'eaze'; did you mean 'ease'"
case_is 64 'a number out of range' habit recommend m --user 1 -n 0
err "\-\-n: '0' is not a whole number in \[1, 100000\]"
case_is 64 'not a number' habit recommend m --user 1 --threads many
err "\-\-threads: 'many' is not a whole number"
case_is 64 'not a choice' habit recommend m --user 1 --seen sometimes
err 'one of filter\|keep'
case_is 64 'a value is missing' habit recommend m --user
err '\-\-user: needs a value'
case_is 64 'an operand is missing' habit evaluate
err 'needs DATA MODEL'
case_is 64 'an operand too many' habit inspect a b
err "'b' is one operand too many"
case_is 64 'no model' habit train d --out m
err 'habit models'
case_is 64 'no target' habit train d --model pop
err '\-\-out DIR'
case_is 64 'nobody asks' habit recommend m
err '\-\-user ID, --history A,B,C, or --users all'
case_is 64 'a switch that does nothing' habit inspect d --no-deterministic
err 'leave it out'

printf 'seen: keep\nsean: 1\n' >bad.yaml
case_is 64 'a config file with an unknown name' habit recommend m --user 1 --config bad.yaml
err 'bad.yaml:2: unknown option --sean; did you mean --seen'
printf 'n: 0\n' >range.yaml
case_is 64 'a config file out of range' habit recommend m --user 1 --config range.yaml
err 'range.yaml:1: --n'
case_is 66 'no config file' habit recommend m --user 1 --config none.yaml
err 'none.yaml'
printf 'n: [1' >broken.yaml
case_is 65 'a config file that is not YAML' habit recommend m --user 1 --config broken.yaml
err 'broken.yaml:'

case_is 0 'models' habit models
out '^ease '
case_is 0 'models --json' habit models --json
json
[ -c /dev/full ] && {
    case_is 74 'standard output is full' sh -c "'$HABIT' models >/dev/full"
    err 'cannot write standard output'
}
case_is 0 'bench' habit bench --seconds 0.01 --json
json
out '"share_of_peak"'
for kernel in product attention recurrent rows scores update factor vector rank; do
    out "\"kernel\": *\"$kernel\""
done
out '"targets_per_second"'
finish
