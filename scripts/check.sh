#!/usr/bin/env bash
# Runs every check, two at a time, and lists them all with their times; what a failing one said comes
# last, so that one run shows everything there is to mend. `check.sh lint types` runs only those.
set -uo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH

readonly all=(lint types format boundaries dead-code contract generated)
readonly out=.cache/check
readonly at_once=2

code_folders=()
for folder in src clients/typescript bin scripts bench test; do
  [[ -d $folder ]] && code_folders+=("$folder")
done

run_one() {
  case $1 in
    lint) eslint --max-warnings 0 . ;;
    types) tsc -p tsconfig.json ;;
    format) prettier --log-level warn --check . && buf format --diff --exit-code ;;
    boundaries) depcruise --config .dependency-cruiser.cjs "${code_folders[@]}" ;;
    dead-code) knip --no-progress ;;
    contract) buf lint && scripts/contract.sh check ;;
    generated) scripts/contract.sh generated ;;
    *) echo "There is no check named $1; the checks are: ${all[*]}" && return 2 ;;
  esac
}

timed() {
  local started=$EPOCHREALTIME status=0
  run_one "$1" >"$out/$1.log" 2>&1 || status=$?
  local took_ms=$(((${EPOCHREALTIME//[^0-9]/} - ${started//[^0-9]/}) / 1000))
  echo "$status" >"$out/$1.status"
  printf '  %-11s %-6s %d.%d s\n' "$1" "$( ((status)) && echo FAILED || echo ok)" \
    $((took_ms / 1000)) $((took_ms % 1000 / 100))
}

wanted=("${@:-${all[@]}}")
rm -rf "$out" && mkdir -p "$out"
for name in "${wanted[@]}"; do
  while (($(jobs -rp | wc -l) >= at_once)); do wait -n; done
  timed "$name" &
done
wait

failed=()
for name in "${wanted[@]}"; do
  [[ "$(cat "$out/$name.status")" == 0 ]] || failed+=("$name")
done
((${#failed[@]})) || exit 0
for name in "${failed[@]}"; do
  printf '\n── %s\n' "$name"
  cat "$out/$name.log"
done >&2
printf '\nFailed: %s. One of them alone: make check ONLY=%s\n' "${failed[*]}" "${failed[0]}" >&2
exit 1
