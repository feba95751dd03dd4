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

"$orthotile" serve --store "$store" --listen 127.0.0.1:0 >"$out/serve.log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

base=
for _ in $(seq 300); do
  kill -0 $server 2>/dev/null || { echo "the server ended:" >&2; cat "$out/serve.log" >&2; exit 1; }
  base=$(sed -n 's|.*\(http://127\.0\.0\.1:[0-9][0-9]*\).*|\1|p' "$out/serve.log" | head -n 1)
  [ -n "$base" ] && curl -fsS -o /dev/null "$base/ready" 2>/dev/null && break
  sleep 0.2
done
[ -n "$base" ] || { echo "the server printed no address:" >&2; cat "$out/serve.log" >&2; exit 1; }
echo "serving $store at $base"

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
  check gdal "$here/gdal.sh" "$base" "$orthotile" "$store" "$out"
else
  skip gdal "no ogrinfo: apt install gdal-bin"
fi

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
  skip maplibre "no browser: apt install chromium"
elif ! command -v npm >/dev/null; then
  skip maplibre "no npm: apt install nodejs npm"
else
  # Beside the pictures, not in the source tree.
  cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$here/maplibre.mjs" "$out/"
  [ -d "$out/node_modules" ] || (cd "$out" && npm ci --omit=dev --loglevel=error >/dev/null)
  check maplibre env BROWSER="$browser" node "$out/maplibre.mjs" "$base" "$out"
fi

python=$(for p in /usr/bin/python3 python3; do "$p" -c 'import qgis.core' 2>/dev/null && echo "$p" && break; done || true)
if [ -n "$python" ]; then
  check qgis env QT_QPA_PLATFORM=offscreen "$python" "$here/draw_in_qgis.py" "$base" "$out"
else
  skip qgis "no qgis module: apt install --no-install-recommends python3-qgis qgis-providers"
fi

echo "---"
echo "pictures and exports: $out"
[ -z "$skipped" ] || echo "skipped:$skipped"
[ -z "$failed" ] || { echo "FAILED:$failed" >&2; exit 1; }
echo "every client that is here reads the map"
