#!/usr/bin/env bash
# Installs what building and running need on Debian and Ubuntu, and only what is missing.
#   tools/setup.sh ORT_VERSION
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1

command -v cargo >/dev/null || { echo "Rust is missing: install cargo 1.89 or newer (rustup), then run this again" >&2; exit 1; }

packages=()
need() { # need COMMAND-OR-FILE PACKAGE...
  local what=$1; shift
  if [[ $what == /* ]]; then [[ -e $what ]] || packages+=("$@"); else command -v "$what" >/dev/null || packages+=("$@"); fi
}
need gdal-config libgdal-dev
need ogrinfo gdal-bin
pkg-config --exists proj 2>/dev/null || packages+=(libproj-dev proj-data)
need pkg-config pkg-config
need cc build-essential
need node nodejs
need npm npm
need curl curl
need python3 python3 python3-pip python3-venv
# libclang itself, not libclang-cpp, which comes with other packages and does not serve bindgen.
compgen -G '/usr/lib/llvm-*/lib/libclang.so*' >/dev/null || compgen -G '/usr/lib/llvm-*/lib/libclang-[0-9]*' >/dev/null || packages+=(libclang-dev)

if ((${#packages[@]})); then
  command -v apt-get >/dev/null || { echo "missing: ${packages[*]} (these are Debian's names; install them with your package manager)" >&2; exit 1; }
  sudo=; ((EUID == 0)) || sudo=sudo
  echo "installing ${packages[*]}"
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

# ONNX Runtime: the shared library inside its Python wheel, put where the program looks (target/onnxruntime).
library=target/onnxruntime/libonnxruntime.so.$version
if [[ ! -e $library ]]; then
  echo "fetching ONNX Runtime $version"
  wheels=$(mktemp -d)
  trap 'rm -rf "$wheels"' EXIT
  # The library inside is the same for every Python; --python-version frees the choice from the machine's own.
  python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --dest "$wheels" "onnxruntime==$version" \
    || { echo "the wheel onnxruntime==$version could not be fetched; put libonnxruntime.so.$version into target/onnxruntime by hand" >&2; exit 1; }
  mkdir -p target/onnxruntime
  python3 - "$wheels"/onnxruntime-*.whl "$library" <<'PY'
import sys, zipfile
wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as z:
    name = next(n for n in z.namelist() if "/capi/libonnxruntime.so." in n)
    with open(target + ".tmp", "wb") as out:
        out.write(z.read(name))
import os
os.replace(target + ".tmp", target)
PY
fi
