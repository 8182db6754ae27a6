#!/bin/sh
# Installs exactly what bun.lock names, before `start`, `test` and the rest; quiet when there is nothing to do.
# Needs Bun, or Node with npm: Bun itself is then fetched as the npm package `bun`.
set -eu
cd "$(dirname "$0")/.."

works() { "$1" --version >/dev/null 2>&1; }

# The package's own install script, which npm may have been told not to run.
finish_bun() { (cd "$1/node_modules/bun" && node install.js); }

if works node_modules/.bin/bun; then
  bun=node_modules/.bin/bun
elif works bun; then
  bun=bun
else
  version=$(node -p 'require("./package.json").dependencies.bun')
  echo "Installing Bun $version and the packages of bun.lock…" >&2
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  npm install --silent --ignore-scripts --prefix "$scratch" "bun@$version" >&2
  finish_bun "$scratch"
  bun=$scratch/node_modules/.bin/bun
fi

"$bun" install --frozen-lockfile --silent
works node_modules/.bin/bun || finish_bun .
