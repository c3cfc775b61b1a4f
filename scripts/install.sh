#!/usr/bin/env bash
# Installs the packages of package-lock.json, the pinned Node among them. Skipped while the lock file
# is the one that was installed last: a file that git only touched costs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly stamp=node_modules/.tollgate-installed
readonly log=.cache/install.log
# npm has to run on the machine's own Node: the pinned one is inside the folder that npm replaces.
PATH=${PATH//"$PWD/node_modules/.bin:"/}

fail() {
  printf '\n' >&2
  printf '%s\n' "$@" >&2
  exit 1
}

pinned_version() {
  sed -n 's/^ *"node": "\([0-9][0-9.]*\)".*/\1/p' package.json
}

runs_pinned_node() {
  [[ "$(node_modules/.bin/node --version 2>&1)" == "v$(pinned_version)" ]]
}

if cmp -s package-lock.json "$stamp" && runs_pinned_node; then
  touch "$stamp"
  exit 0
fi

command -v npm >/dev/null || fail \
  'Tollgate needs Node 20 or later with npm, and found no npm.' \
  'Install both (on Debian: apt-get install nodejs npm, or see nodejs.org), then run make again.'
(($(node --version | sed 's/^v\([0-9]*\).*/\1/') >= 20)) || fail \
  "Tollgate needs Node 20 or later to install itself, and found $(node --version)." \
  'Install a newer Node (see nodejs.org), then run make again.'

mkdir -p .cache
echo 'Installing packages (about half a minute) …'
# Three tries within some ten seconds: enough for a hiccup, short enough where there is no network.
if ! npm ci --prefer-offline --no-progress --loglevel=error \
  --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=8000 >"$log" 2>&1; then
  rm -f "$stamp"
  cat "$log" >&2
  if grep -Eq 'EAI_AGAIN|ENOTFOUND|E(CONNREFUSED|CONNRESET|TIMEDOUT|NETUNREACH|HOSTUNREACH)' "$log"; then
    fail 'npm could not reach its registry, so the packages are not installed.' \
      'Check the network, or the proxy and registry that npm is set to (npm config list),' \
      'then run make again. What was downloaded before is kept and not downloaded twice.'
  fi
  fail "npm could not install the packages; what it said is above and in $log."
fi

runs_pinned_node || fail \
  "The pinned Node $(pinned_version) was installed but does not run here." \
  "It comes with the npm package 'node', whose install script fetches it. If install scripts are" \
  'turned off (npm config get ignore-scripts), turn them on for this one and run make again:' \
  '  npm_config_ignore_scripts=false make' \
  'Its binaries need glibc (or macOS): on Alpine, use a Debian container.'

cp package-lock.json "$stamp"
touch "$stamp"
echo "Installed; recipes run on Node $(node_modules/.bin/node --version)."
