#!/bin/sh
# GDAL reads what is served and what is exported. gdal.sh BASE ORTHOTILE STORE OUT
set -eu
base=$1
orthotile=$2
store=$3
out=$4
export CPL_LOG=/dev/null

fail() { echo "FAILED $*" >&2; exit 1; }
# count SOURCE [LAYER]: the number of features that ogrinfo finds, over all layers.
count() { ogrinfo -ro -al -so "$@" 2>/dev/null | sed -n 's/^Feature Count: //p' | awk '{ n += $1 } END { print n + 0 }'; }
at_least_one() { [ "$2" -gt 0 ] || fail "$1: no feature"; echo "ok $1: $2 features"; }

# The tile in the middle of the map, by the formulas of the tile pyramid.
curl -fsS "$base/tiles.json" >"$out/tiles.json"
tile=$(node -e '
  const {center: [lon, lat], maxzoom: z} = JSON.parse(require("fs").readFileSync(process.argv[1]));
  const y = (lat) => 0.5 - Math.asinh(Math.tan(lat * Math.PI / 180)) / (2 * Math.PI);
  const side = 2 ** (z - 1);
  console.log([z - 1, Math.floor((lon / 360 + 0.5) * side), Math.floor(y(lat) * side)].join("/"));
' "$out/tiles.json")
at_least_one "vector tile $tile" "$(count "MVT:$base/tiles/$tile.mvt")"
ogrinfo -ro -al -so "MVT:$base/tiles/$tile.mvt" 2>/dev/null | grep -q '^fid: Integer' || fail "vector tile: no attribute fid"

matched=$(curl -fsS "$base/features.geojson?limit=1" | sed -n 's/.*"numberMatched":\([0-9]*\).*/\1/p')
at_least_one "GeoJSON over HTTP" "$(count "$base/features.geojson")"
lines=$(curl -fsS "$base/features.geojson?layer=centrelines&limit=1" | sed -n 's/.*"numberMatched":\([0-9]*\).*/\1/p')

for file in features.geojson features.gpkg features.fgb; do
  rm -f "$out/$file"
  "$orthotile" export --store "$store" -o "$out/$file" >/dev/null
  # A GeoPackage has room for a second layer, the centre lines of roads.
  case $file in *.gpkg) expected=$((matched + lines)) ;; *) expected=$matched ;; esac
  found=$(count "$out/$file")
  [ "$found" -eq "$expected" ] || fail "$file: $found features, the server has $expected"
  echo "ok $file: $found features, as many as served"
done

rm -f "$out/labels.tif"
"$orthotile" export --store "$store" -o "$out/labels.tif" >/dev/null
gdalinfo "$out/labels.tif" >"$out/labels.txt"
grep -q 'LAYOUT=COG' "$out/labels.txt" || fail "labels.tif is no Cloud Optimized GeoTIFF"
grep -q 'Color Table' "$out/labels.txt" || fail "labels.tif has no colour table"
echo "ok labels.tif: Cloud Optimized GeoTIFF with a colour table"
