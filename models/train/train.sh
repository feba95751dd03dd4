#!/usr/bin/env bash
# The whole recipe: train, calibrate, export, evaluate, write the card.
#   models/train/train.sh --data ../shared/data [--work DIR] [--minutes M] [--start-from ../city/city.onnx] [--town DIR]...
# With --start-from (a path from models/train) there is one stage, on from that network. A --town is a folder made by
# `orthotile demo --out DIR --seed N`; take other seeds than the demo's 1.
set -euo pipefail
data="" work="${TMPDIR:-/tmp}/orthotile-train" minutes=75 start="" extra=()
while [ $# -gt 0 ]; do
  case "$1" in
    --data) data=$(realpath "$2") ;;
    --work) work=$2 ;;
    --minutes) minutes=$2 ;;
    --start-from) start=$2 ;;
    --town) extra+=(--town "$(realpath "$2")") ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
[ -n "$data" ] || { echo "--data is missing" >&2; exit 2; }
mkdir -p "$work"; work=$(realpath "$work")
cd "$(dirname "$0")"
for teacher in "$data/models-small/building_026m.onnx" ../city/city.onnx; do extra+=(--teacher "$teacher"); done
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"

if [ -n "$start" ]; then
  python train.py --data "$data" --work "$work/last" --minutes "$minutes" --start-from "$start" --peak-lr 1.5e-3 --seed 9 "${extra[@]}"
else
  first=$((minutes * 3 / 8))
  python train.py --data "$data" --work "$work/first" --minutes "$first" "${extra[@]}"
  python train.py --data "$data" --work "$work/last" --minutes $((minutes - first)) \
    --start-from "$work/first/average.pt" --peak-lr 2e-3 --seed 8 "${extra[@]}"
fi
python finish.py --data "$data" --weights "$work/last/average.pt" --work "$work" --out ../city
