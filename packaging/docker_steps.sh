#!/bin/sh
# docker_steps.sh FOLDER - the steps of the Dockerfile where there is no Docker: each stage is a Debian of its
# own below FOLDER, made by debootstrap, and RUN is chroot.  Needs root and the network; then
#
#     chroot FOLDER/2 habit help
set -eu
cd "$(dirname "$0")/.."
to=$1
stage=0 dir=/
mkdir -p "$to"
[ -d "$to/base" ] || debootstrap --variant=minbase bookworm "$to/base" >&2
sed '/^#/d' packaging/Dockerfile | awk '/\\$/ { sub(/\\$/, ""); printf "%s", $0; next } NF' >"$to/steps"
while read -r word rest; do
    printf '== %s %s\n' "$word" "$rest" >&2
    case $word in
    FROM)
        stage=$((stage + 1)) dir=/
        rm -rf "${to:?}/$stage"
        cp -a "$to/base" "$to/$stage"
        cp /etc/resolv.conf "$to/$stage/etc/resolv.conf" ;;
    WORKDIR)
        dir=$rest
        mkdir -p "$to/$stage$dir" ;;
    RUN) DEBIAN_FRONTEND=noninteractive chroot "$to/$stage" sh -c "cd $dir && $rest" </dev/null ;;
    COPY)
        case $rest in
        --from=build*) cp -a "$to/1/out/." "$to/$stage/" ;;
        '. .') git ls-files | tar -cf - -T - | tar -xf - -C "$to/$stage$dir" ;;
        *)
            # shellcheck disable=SC2086 # from, to
            set -- $rest
            mkdir -p "$to/$stage$dir/$2"
            cp -a "$1" "$to/$stage$dir/$2" ;;
        esac ;;
    esac
done <"$to/steps"
