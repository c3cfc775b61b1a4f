#!/usr/bin/env bash
# Guards proto/ against breaking the callers. The landed contract is kept as a compiled image beside the
# tests, not looked up in git: it is there in a shallow clone, in a tarball and at the first commit.
# The image must equal proto/ at every commit, so nothing lands without having been compared.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH

# The tests point these at a contract of their own to see the guard fail.
readonly proto=${CONTRACT_PROTO:-.}
readonly landed=${CONTRACT_LANDED:-test/contract/landed.binpb}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

image() {
  buf build "$proto" --exclude-source-info -o "$scratch/now.binpb"
}

breaks_nothing() {
  buf breaking "$proto" --against "$landed"
}

check() {
  if [[ ! -f $landed ]]; then
    echo "There is no landed contract to compare with in $landed."
    echo 'Restore it from git, or record the present one: make contract-landed'
    return 1
  fi
  if ! breaks_nothing; then
    echo 'This breaks callers of the landed contract: keep the field and add a new one beside it.'
    echo 'If nobody can depend on it yet: make contract-landed ACCEPT_BREAKING=1'
    return 1
  fi
  image
  if ! cmp -s "$scratch/now.binpb" "$landed"; then
    echo 'The contract has grown, and nothing breaks. Record it: make contract-landed'
    return 1
  fi
}

record() {
  if [[ -f $landed && ${ACCEPT_BREAKING:-} != 1 ]] && ! breaks_nothing; then
    echo 'Not recorded: this breaks callers of the landed contract.' >&2
    echo 'If nobody can depend on it yet: make contract-landed ACCEPT_BREAKING=1' >&2
    return 1
  fi
  image
  mkdir -p "$(dirname "$landed")"
  mv "$scratch/now.binpb" "$landed"
}

# src/gen is committed, so that nothing has to be generated to run or to read the code.
generated() {
  buf generate --output "$scratch"
  if ! diff -rq "$scratch/src/gen" src/gen; then
    echo 'src/gen is not what proto/ generates. Write it again: make gen'
    return 1
  fi
}

case ${1:-} in
  check | record | generated) "$1" ;;
  *) echo "usage: $0 check|record|generated" >&2 && exit 2 ;;
esac
