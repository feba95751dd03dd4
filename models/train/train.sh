#!/usr/bin/env bash
# The whole recipe: train, calibrate, export, evaluate, write the card.
#   models/train/train.sh --data ../shared/data [--work DIR] [--minutes M]
set -euo pipefail
data="" work="${TMPDIR:-/tmp}/orthotile-train" minutes=75
while [ $# -gt 0 ]; do
  case "$1" in
    --data) data=$(realpath "$2") ;;
    --work) work=$2 ;;
    --minutes) minutes=$2 ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
[ -n "$data" ] || { echo "--data is missing" >&2; exit 2; }
mkdir -p "$work"; work=$(realpath "$work")
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"

first=$((minutes * 3 / 8))
python train.py --data "$data" --work "$work/first" --minutes "$first"
python train.py --data "$data" --work "$work/second" --minutes $((minutes - first)) \
  --start-from "$work/first/average.pt" --peak-lr 2e-3 --seed 8
python finish.py --data "$data" --weights "$work/second/average.pt" --work "$work" --out ../city
