#!/usr/bin/env bash
# Compiles src/ and clients/typescript/ to dist/, beside them the files that are read at run time.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH

echo 'Compiling …'
rm -rf dist/src dist/clients dist/.tollgate-built
tsc -p tsconfig.build.json

# Scripts of Redis and Postgres live in files of their own and are loaded relative to the code.
shopt -s globstar nullglob
for file in {src,clients/typescript}/**/*.{lua,sql,schema.json}; do
  install -D -m 644 "$file" "dist/$file"
done

# A data directory with the migrations applied, so that the embedded store starts quickly.
if [[ -f scripts/prepare-embedded.ts ]]; then
  node scripts/prepare-embedded.ts
fi
touch dist/.tollgate-built
