#!/usr/bin/env bash
# Build a TensorRT engine from an ONNX file, for the GPU of this machine:
#   ./build.sh street.onnx street.engine [more flags of trtexec]
# Untested: see README.md.
set -euo pipefail

if [ $# -lt 2 ]; then
  echo "usage: $0 FILE.onnx FILE.engine [trtexec flags]" >&2
  exit 2
fi
# Without --noTF32, TensorRT rounds the factors of float32 products to 10 bits.
exec trtexec --onnx="$1" --saveEngine="$2" --noTF32 "${@:3}"
