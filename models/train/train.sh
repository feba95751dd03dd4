#!/usr/bin/env bash
# The whole recipe: train, calibrate, export, evaluate, write the card.
#   models/train/train.sh --data ../shared/data [--work DIR] [--minutes M] [--start-from ../city/city.onnx]
# With --start-from (a path from models/train) there is one stage, on from that network.
set -euo pipefail
data="" work="${TMPDIR:-/tmp}/orthotile-train" minutes=75 start=""
while [ $# -gt 0 ]; do
  case "$1" in
    --data) data=$(realpath "$2") ;;
    --work) work=$2 ;;
    --minutes) minutes=$2 ;;
    --start-from) start=$2 ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
[ -n "$data" ] || { echo "--data is missing" >&2; exit 2; }
mkdir -p "$work"; work=$(realpath "$work")
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"

if [ -n "$start" ]; then
  python train.py --data "$data" --work "$work/last" --minutes "$minutes" --start-from "$start" --peak-lr 1.5e-3 --seed 9
else
  first=$((minutes * 3 / 8))
  python train.py --data "$data" --work "$work/first" --minutes "$first"
  python train.py --data "$data" --work "$work/last" --minutes $((minutes - first)) \
    --start-from "$work/first/average.pt" --peak-lr 2e-3 --seed 8
fi
python finish.py --data "$data" --weights "$work/last/average.pt" --work "$work" --out ../city
