#!/bin/sh
# Real clients against a running server: GDAL, MapLibre in a headless browser, QGIS.
# run.sh ORTHOTILE STORE [OUT]   pictures and exports go to OUT (default target/clients)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
orthotile=$1
store=$2
out=${3:-target/clients}
mkdir -p "$out"
out=$(cd "$out" && pwd)

[ -d "$store" ] || { echo "no store at $store: make one with \`make demo\`, or name one: make test-clients STORE=DIR" >&2; exit 2; }

servers=
trap 'for server in $servers; do kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; done' EXIT
trap 'exit 130' INT TERM

# start LOG ARGUMENTS...: serves a map, and leaves its address in base.
start() {
  log=$out/$1
  shift
  "$orthotile" serve "$@" --listen 127.0.0.1:0 >"$log" 2>&1 &
  server=$!
  servers="$servers $server"
  base=
  for _ in $(seq 300); do
    kill -0 $server 2>/dev/null || { echo "the server ended:" >&2; cat "$log" >&2; exit 1; }
    base=$(sed -n 's|.*\(http://127\.0\.0\.1:[0-9][0-9]*\).*|\1|p' "$log" | head -n 1)
    [ -n "$base" ] && curl -fsS -o /dev/null "$base/ready" 2>/dev/null && break
    sleep 0.2
  done
  [ -n "$base" ] || { echo "the server printed no address:" >&2; cat "$log" >&2; exit 1; }
}

start serve.log --store "$store"
served=$base
echo "serving $store at $served"

failed=
skipped=
# check NAME COMMAND...: runs one client and notes how it ended.
check() {
  name=$1
  shift
  echo "--- $name"
  "$@" || failed="$failed $name"
}
# skip NAME WHY
skip() {
  echo "--- $1: skipped, $2"
  skipped="$skipped $1"
}

if command -v ogrinfo >/dev/null && command -v gdalinfo >/dev/null; then
  check gdal "$here/gdal.sh" "$served" "$orthotile" "$store" "$out"
else
  skip gdal "no ogrinfo: apt install gdal-bin"
fi

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
  skip "maplibre growth" "no browser: apt install chromium"
elif ! command -v npm >/dev/null; then
  skip "maplibre growth" "no npm: apt install nodejs npm"
else
  # Beside the pictures, not in the source tree.
  cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$here"/*.mjs "$out/"
  [ -d "$out/node_modules" ] || (cd "$out" && npm ci --omit=dev --loglevel=error >/dev/null)
  check maplibre env BROWSER="$browser" node "$out/maplibre.mjs" "$served" "$out"
  # The same map before anything of it was made: it is made again from the imagery while the page looks.
  rm -rf "$out/growing"
  mkdir -p "$out/growing/labels"
  cp "$store/store.json" "$out/growing/"
  start growth.log --store "$out/growing" --segment
  check growth env BROWSER="$browser" node "$out/growth.mjs" "$base" "$out"
fi

python=$(for p in /usr/bin/python3 python3; do "$p" -c 'import qgis.core' 2>/dev/null && echo "$p" && break; done || true)
if [ -n "$python" ]; then
  check qgis env QT_QPA_PLATFORM=offscreen "$python" "$here/draw_in_qgis.py" "$served" "$out"
else
  skip qgis "no qgis module: apt install --no-install-recommends python3-qgis qgis-providers"
fi

echo "---"
echo "pictures and exports: $out"
[ -z "$skipped" ] || echo "skipped:$skipped"
[ -z "$failed" ] || { echo "FAILED:$failed" >&2; exit 1; }
echo "every client that is here reads the map"
