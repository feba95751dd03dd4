#!/usr/bin/env bash
# The main job: mosaic in, map out.
#   tools/demo.sh ORTHOTILE MODEL STORE LISTEN [MOSAIC...]
# Without a mosaic it makes the demo town first. NO_SERVE=1 stops before serving.
set -euo pipefail
orthotile=$1 model=$2 store=$3 listen=$4
shift 4
heights=()
if (($# == 0)); then
  [[ -e demo/dsm.tif ]] || "$orthotile" demo --out demo
  set -- demo/scenes
  heights=(--dsm demo/dsm.tif --dtm demo/dtm.tif)
fi
"$orthotile" segment "$@" --model "$model" --store "$store" "${heights[@]}"
"$orthotile" export --store "$store" -o "$store/map.geojson"
[[ -n ${NO_SERVE:-} ]] || exec "$orthotile" serve --store "$store" --listen "$listen"
