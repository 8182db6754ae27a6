#!/bin/sh
# Installs exactly what bun.lock names, before `start` and `test`. Needs Node or Bun; with only Node, npm fetches Bun.
set -eu
bun=$(node -p 'require("./package.json").dependencies.bun' 2>/dev/null || sed -n 's/.*"bun": "\(.*\)".*/\1/p' package.json)
if [ -x node_modules/.bin/bun ]; then
  set -- node_modules/.bin/bun
elif command -v bun >/dev/null 2>&1; then
  set -- bun
else
  set -- npx --yes "bun@$bun"
fi
"$@" install --frozen-lockfile --silent
