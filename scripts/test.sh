#!/usr/bin/env bash
# Runs the tests and ends with one line, `N passed, N failed`, for people and machines that read only
# the last. Arguments go to vitest: paths, or -t with a part of a name.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH

readonly results=.cache/test-results.json
mkdir -p .cache
rm -f "$results"
status=0
vitest run --reporter=default --reporter=json --outputFile.json="$results" "$@" || status=$?
# Only a run of everything counts what it left out: a filter leaves out the rest on purpose.
exec node scripts/closing-line.ts "$results" "$status" "$( (($#)) || echo --whole)"
