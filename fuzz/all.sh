#!/bin/sh
# Runs every snapshot target for so many seconds each; one line per target: executions, and what fell.
# usage: fuzz/all.sh SECONDS [TARGET…]
set -eu
cd "$(dirname "$0")/.."
seconds=$1
shift
[ $# -gt 0 ] || set -- $(cargo fuzz list | grep -v op_programs)
cargo fuzz build
failed=0
for target; do
    log=$(mktemp)
    if cargo fuzz run "$target" -- -max_total_time="$seconds" -dict=fuzz/snapshot.dict -max_len=4096 -timeout=10 \
        -rss_limit_mb=1024 -malloc_limit_mb=512 -print_final_stats=1 >"$log" 2>&1; then
        fell=nothing
    else
        fell=$(grep -m1 -E 'panicked at|ERROR: ' "$log" || echo "see $log")
        failed=1
    fi
    printf '%-12s %12s executions  %s\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$fell"
    [ "$fell" != nothing ] || rm -f "$log"
done
exit $failed
