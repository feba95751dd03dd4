#!/usr/bin/env python3
"""What masks are by the mean of the features under them, computed apart from the engine, for a test to hold it to.

    python3 models/export/pooled_features.py --fixtures fixtures/models       (sam.bin, sam.masks.json, dinov2-registers.onnx)

A chip of SAM is larger than one of the features model: parts cover it from end to end, and a pixel where two overlap belongs
to the nearer one. Each pixel of a mask then counts the vector of the patch that it lies in.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime

SIDE_PX, PART_PX, PATCH_PX, FIRST_TOKENS = 128, 56, 14, 5
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fixtures", type=Path, required=True)
    folder = parser.parse_args().fixtures
    picture = np.frombuffer((folder / "sam.bin").read_bytes(), np.uint8).reshape(SIDE_PX, SIDE_PX, 3)
    vectors = of_pixels(picture, onnxruntime.InferenceSession(str(folder / "dinov2-registers.onnx")))
    pooled = []
    for mask in json.loads((folder / "sam.masks.json").read_text()):
        counts = mask["counts"]
        inside = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(SIDE_PX, SIDE_PX)
        pooled.append([round(float(v), 5) for v in vectors[inside].mean(0, dtype=np.float64)])
    (folder / "sam.pooled.json").write_text(json.dumps(pooled, separators=(",", ":")) + "\n")
    print(f"{folder / 'sam.pooled.json'}: {len(pooled)} masks of {len(pooled[0])} numbers")


def of_pixels(picture, session):
    """The vector of every pixel, [side, side, dim], in half precision as the engine keeps it."""
    normalized = ((picture.astype(np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(STD, np.float32)).transpose(2, 0, 1)
    parts = -(-SIDE_PX // PART_PX)
    starts = [n * (SIDE_PX - PART_PX) // (parts - 1) for n in range(parts)]
    middles = np.array(starts) + PART_PX / 2
    # Of equally near parts the second.
    owner = [len(starts) - 1 - int(np.argmin(np.abs(middles[::-1] - (at + 0.5)))) for at in range(SIDE_PX)]
    of_parts = {}
    for i, top in enumerate(starts):
        for j, left in enumerate(starts):
            part = normalized[None, :, top:top + PART_PX, left:left + PART_PX]
            tokens = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(part)})[0][0, FIRST_TOKENS:]
            side = PART_PX // PATCH_PX
            of_parts[i, j] = tokens.astype(np.float16).astype(np.float32).reshape(side, side, -1)
    vectors = np.empty((SIDE_PX, SIDE_PX, of_parts[0, 0].shape[-1]), np.float32)
    for row in range(SIDE_PX):
        for col in range(SIDE_PX):
            i, j = owner[row], owner[col]
            vectors[row, col] = of_parts[i, j][(row - starts[i]) // PATCH_PX, (col - starts[j]) // PATCH_PX]
    return vectors


if __name__ == "__main__":
    main()
