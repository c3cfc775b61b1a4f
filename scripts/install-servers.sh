#!/usr/bin/env bash
# Installs the named Debian packages that are missing: the servers that the tests start for themselves,
# what makes their certificates, and the load generator of the benchmarks. No service of the system is started or needed.
set -euo pipefail
cd "$(dirname "$0")/.."

is_there() {
  case $1 in
    redis-server) command -v redis-server ;;
    postgresql) compgen -G '/usr/lib/postgresql/*/bin/postgres' || command -v postgres ;;
    pgbouncer) PATH=$PATH:/usr/sbin command -v pgbouncer ;;
    openssl) command -v openssl ;;
    nghttp2-client) command -v h2load ;;
    *) echo "$0: does not know the package $1" >&2 && exit 2 ;;
  esac >/dev/null
}

missing=()
for package in "$@"; do
  is_there "$package" || missing+=("$package")
done
((${#missing[@]})) || exit 0

refuse() {
  printf '%s\n' "The tests run on real servers, and these Debian packages are missing: ${missing[*]}" \
    "They were not installed, because $1." \
    "Install them, then run make again: sudo apt-get install ${missing[*]}" >&2
  exit 1
}

as_root=()
command -v apt-get >/dev/null || refuse 'this machine has no apt-get'
if ((EUID != 0)); then
  command -v sudo >/dev/null || refuse 'this is not root and there is no sudo'
  sudo -n true 2>/dev/null || refuse 'this is not root and sudo asks for a password'
  as_root=(sudo -n)
fi

# Debian starts a service when its package is installed, unless this file forbids it.
readonly policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi

echo "Installing ${missing[*]} from Debian …"
mkdir -p .cache
readonly log=.cache/apt.log
{
  "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -q --no-install-recommends "${missing[@]}"
} >"$log" 2>&1 || {
  tail -20 "$log" >&2
  refuse "apt-get failed (above; all of it in $log)"
}
