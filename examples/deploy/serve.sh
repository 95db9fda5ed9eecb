#!/bin/sh
# Runs the WASI component so that SIGTERM and SIGINT stop it in good order: WASI has no signals, so
# they end its standard input, and it says 1001 to its clients.
#
# serve.sh COMPONENT [OPTION...]: what `wasmtime run` takes, then what `wscodec serve` takes.
set -eu
component=$1
shift
pipe=$(mktemp -u)
mkfifo "$pipe"
"${WASMTIME:-wasmtime}" run ${WASMTIME_OPTIONS:-} -S inherit-network "$component" \
    serve --stop-on-eof "$@" < "$pipe" &
server=$!
exec 3> "$pipe"
rm "$pipe"
trap 'exec 3>&-' TERM INT
# A signal ends the wait too.
status=0
wait "$server" || status=$?
while kill -0 "$server" 2> /dev/null; do
    status=0
    wait "$server" || status=$?
done
exit "$status"
