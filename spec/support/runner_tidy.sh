#!/bin/sh
# runner_tidy.sh FILE: clang-tidy on one C file of the dev build, unless nothing it reads has changed.
file=$1
# shellcheck disable=SC2046 # words on purpose
reads=$(gcc -MM -Isrc -Ibuild/dev/proto $(pkg-config --cflags lua5.4 libarchive) "$file" | sed 's/^[^:]*://; s/\\$//') || exit 1
# shellcheck disable=SC2086
stamp=build/tidy/$({ clang-tidy --version && cat .clang-tidy $reads; } | sha1sum | cut -c 1-40)
[ ! -e "$stamp" ] || exit 0
# the tool counts what it left out on the other stream; only findings are of interest
clang-tidy --quiet -p build/dev "$file" 2>"$stamp.err" || { grep -v 'warnings\? generated' "$stamp.err" && exit 1; exit 1; }
rm -f "$stamp.err"
: >"$stamp"
