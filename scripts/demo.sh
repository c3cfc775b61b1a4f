#!/usr/bin/env bash
# Sends an hour of production calls through a sidecar of its own, then proves that the books add up. The
# last line is the result as JSON.
#
#   TOLLGATE_DEMO_CONFIG  configuration (default examples/demo-unlimited.yaml)
#   CONCURRENCY           calls in flight at once (default 64)
#   DATABASE_URL, REDIS_URL  real stores instead of the embedded ones
#
# Arguments go to `tollgate drive`, for example --limit 1000.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH

readonly config=${TOLLGATE_DEMO_CONFIG:-examples/demo-unlimited.yaml}
readonly trace=examples/azure-llm-code-2023.csv
# Tollgate refuses variables of its own name that it does not know.
unset TOLLGATE_DEMO_CONFIG

# An embedded ledger on a cold disk starts within five seconds; a busy machine may take several times that.
readonly start_tries=20
# Stopping drains what is under way, which is bounded by far less.
readonly stop_seconds=30

scratch=$(mktemp -d "${TMPDIR:-/tmp}/tollgate-demo.XXXXXX")
readonly scratch
readonly address=unix:$scratch/socket
server=

end() {
  if [[ -n $server ]] && kill -0 "$server" 2>/dev/null; then
    kill -KILL "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
  printf '%s\n' "$@" >&2
  if [[ -s $scratch/serve.log ]]; then
    echo 'What the sidecar said last:' >&2
    tail -20 "$scratch/serve.log" >&2
  fi
  exit 1
}

start() {
  TOLLGATE_METRICS_LISTEN=off TOLLGATE_LOG_LEVEL=${TOLLGATE_LOG_LEVEL:-warn} bin/tollgate serve \
    --config "$config" --listen "$address" --data-dir "$scratch/data" >"$scratch/serve.log" 2>&1 &
  server=$!
  local try
  for ((try = 0; try < start_tries; try++)); do
    # `status` waits by itself for a while before it gives up.
    if bin/tollgate status --address "$address" >/dev/null 2>&1; then return; fi
    kill -0 "$server" 2>/dev/null || fail 'The sidecar ended before it served.'
  done
  fail 'The sidecar does not serve.'
}

stop() {
  kill -TERM "$server"
  # A watchdog bounds the wait: what does not stop by itself is killed, and the demo then fails.
  (
    exec >/dev/null 2>&1
    trap 'kill "$!" 2>/dev/null; exit 0' TERM
    sleep "$stop_seconds" &
    wait "$!"
    kill -KILL "$server"
  ) &
  local watchdog=$! status=0
  wait "$server" || status=$?
  kill -TERM "$watchdog" 2>/dev/null || true
  wait "$watchdog" 2>/dev/null || true
  server=
  ((status == 0)) || fail "The sidecar did not stop cleanly (status $status)."
}

if [[ -n ${DATABASE_URL:-} ]]; then
  bin/tollgate migrate up >&2 || fail 'The ledger of DATABASE_URL cannot be used.'
fi
start
closing=$(bin/tollgate drive --trace "$trace" --address "$address" --tenant demo --agent code-model \
  --concurrency "${CONCURRENCY:-64}" --json "$@") || fail 'The drive did not end.'
stop

# Its findings belong above the result, which is the last line.
bin/tollgate verify --data-dir "$scratch/data" >&2 || fail 'The books do not add up.'
printf '%s,"verify":"ok"}\n' "${closing%\}}"
