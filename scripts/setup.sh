#!/bin/sh
# Installs exactly what bun.lock names, before `start`, `test` and the rest; quiet when there is nothing to do.
# Needs Bun, or Node with npm: Bun itself is then fetched as the npm package `bun`. Says within seconds what is missing.
set -eu
cd "$(dirname "$0")/.."

# How long a registry may be silent, on a slow line more.
REGISTRY_SECONDS=${REGISTRY_SECONDS:-10}
NODE_MAJOR=18

say() { printf '%s\n' "$@" >&2; }
works() { "$1" --version >/dev/null 2>&1; }

# The package's own install script, which npm may have been told not to run.
finish_bun() { (cd "$1/node_modules/bun" && node install.js); }

# Passwords in an address are nobody's business.
registry() { npm config get registry 2>/dev/null | sed 's,//[^/@]*@,//,'; }

need_node() {
  if ! works node; then
    say "Muster needs Node $NODE_MAJOR or newer with npm to fetch Bun, and there is no node here." \
      "Install it (Debian and Ubuntu: apt-get install nodejs npm), or Bun itself (https://bun.com), then try again."
    exit 1
  fi
  found=$(node -p 'process.versions.node')
  if [ "${found%%.*}" -lt "$NODE_MAJOR" ]; then
    say "Node $found is too old: Muster needs Node $NODE_MAJOR or newer to fetch Bun. Install a newer one, or Bun itself (https://bun.com)."
    exit 1
  fi
  if ! works npm; then
    say "Node $found is here, but its npm is not, which fetches Bun (Debian and Ubuntu: apt-get install npm)."
    exit 1
  fi
}

# One small question first, so that a registry which is not there is named at once; alone, npm and Bun try for minutes.
ask_registry() {
  if ! answer=$("$@" 2>&1); then
    say "$(printf '%s\n' "$answer" | head -n 4)" "" "The package registry${registry:+ $registry} does not give bun@$version."
    what_to_do
  fi
}

what_to_do() {
  say "Muster needs a registry once, to fetch Bun and the packages of bun.lock. Check the network, then try again; or name another" \
    "registry: npm config set registry https://…   (or npm_config_registry=https://… before the command)" \
    "a proxy:  npm config set https-proxy http://… (or HTTPS_PROXY=http://… before the command)"
  exit 1
}

fetch_bun() {
  need_node
  # Passwords in an address are nobody's business.
  registry=$(npm config get registry 2>/dev/null | sed 's,//[^/@]*@,//,')
  ask_registry npm view "bun@$version" version --fetch-retries=0 --fetch-timeout=$((REGISTRY_SECONDS * 1000))
  if ! npm install --silent --ignore-scripts --no-save --prefix "$scratch" \
    --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 --fetch-timeout=60000 "bun@$version" >&2; then
    say "npm could not fetch bun@$version from $registry."
    what_to_do
  fi
  finish_bun "$scratch"
  bun=$scratch/node_modules/.bin/bun
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
version=$(sed -n 's/^ *"bun": "\(.*\)",$/\1/p' package.json)
registry=
bun=
for candidate in node_modules/.bin/bun bun; do
  if works "$candidate"; then
    bun=$candidate
    break
  fi
done

# What is in place already, or in Bun's cache, needs no network.
if [ -n "$bun" ] && "$bun" install --frozen-lockfile --offline >/dev/null 2>&1 && works node_modules/.bin/bun; then exit 0; fi

say "Installing Bun $version and the packages of bun.lock…"
export BUN_CONFIG_HTTP_IDLE_TIMEOUT=$REGISTRY_SECONDS BUN_CONFIG_HTTP_RETRY_COUNT=1
if [ -z "$bun" ]; then fetch_bun; else ask_registry "$bun" info "bun@$version" version; fi
if ! "$bun" install --frozen-lockfile >"$scratch/log" 2>&1; then
  say "$(tail -n 12 "$scratch/log")" "" "The packages of bun.lock could not be installed."
  what_to_do
fi
works node_modules/.bin/bun || finish_bun .
