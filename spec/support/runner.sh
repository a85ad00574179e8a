#!/bin/sh
# runner.sh RESULTS FILE: runs one spec file in a process of its own and says how it went in one line,
# with everything it wrote when it failed. Leaves RESULTS/NAME.tally: passed, failed, skipped.
#
#   RUN_BUSTED  options for busted        RUN_UNDER   command line to put before it
#   RUN_LOUD    show what passed as well  RUN_LIMIT   seconds until it is ended (900)
results=$1 file=$2
base=$results/$(echo "$file" | tr / _)
export MOONSNAP_TALLY="$base.tally"

from=$(date +%s.%N)
# shellcheck disable=SC2086 # words on purpose
timeout -k 10 "${RUN_LIMIT:-900}" ${RUN_UNDER:-} lua5.4 /usr/bin/busted --ignore-lua \
    -o spec/support/runner_output.lua ${RUN_BUSTED:-} "$file" >"$base.log" 2>&1 </dev/null
status=$?
took=$(date +%s.%N | awk -v from="$from" '{ printf "%.1f", $1 - from }')

read -r passed failed skipped 2>/dev/null <"$MOONSNAP_TALLY" || { passed=0 failed=0 skipped=0 died=1; }
if [ "$failed" -eq 0 ] && { [ "$status" -ne 0 ] || [ -n "${died:-}" ]; }; then
    failed=1 # it crashed, leaked or was ended
    echo "$file ended with status $status" >>"$base.log"
    echo "$passed $failed $skipped" >"$MOONSNAP_TALLY.new" && mv -f "$MOONSNAP_TALLY.new" "$MOONSNAP_TALLY"
fi
[ $((passed + failed + skipped)) -gt 0 ] || exit 0
{
    if [ "$failed" -gt 0 ] || [ -n "${RUN_LOUD:-}" ]; then
        sed 's/^/     /' "$base.log"
    else
        grep '^skipped' "$base.log" | sed 's/^/     /'
    fi
    word=ok && [ "$failed" -eq 0 ] || word=FAILED
    printf '   %-6s %-44s %4d passed %3d failed %3d skipped %6s s\n' \
        "$word" "$file" "$passed" "$failed" "$skipped" "$took"
} >"$base.report"
flock "$results" cat "$base.report"
