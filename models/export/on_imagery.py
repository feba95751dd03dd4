#!/usr/bin/env python3
"""What the references say of real imagery with the networks of the tests: numbers only, `fixtures/models/on-imagery.json`.

    python3 models/export/on_imagery.py --data ../shared/data --fixtures fixtures/models      (needs segment-anything, rasterio)

A window of a lossless scene goes, as it is, through transformers' SegFormer and DINOv2 and through segment-anything's automatic
mask generator, all with the weights of the fixtures. The tests read the same window where the data folder is there, and hold
the engine to these numbers. No picture is kept: of the dense scores every fourth pixel, of masks their outline in runs.
"""

import argparse
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import rasterio
import torch
from rasterio.windows import Window

import dinov2
import parity
import segformer
import sam_fixtures
from sam_prompts import with_weights_of

SCENE, CORNER, STEP = "ortho-amsterdam/test_image_1210x718.tif", (540, 360), 4
# What was taught on drawn shapes is less sure of real ones.
THRESHOLDS = {"pred_iou_thresh": 0.3, "stability_score_thresh": 0.4}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--fixtures", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with rasterio.open(arguments.data / SCENE) as scene:
        cut = lambda side: scene.read([1, 2, 3], window=Window(*CORNER, side, side))  # noqa: E731
        said = {"scene": SCENE, "corner": CORNER, "scores": scores(arguments.fixtures, cut(64)), "features": {
            name: features(arguments.fixtures, name, cut(56)) for name in ("dinov2-plain", "dinov2-registers")}}
        picture = np.ascontiguousarray(cut(128).transpose(1, 2, 0))
    path = arguments.fixtures / "on-imagery.json"
    sam_fixtures.reference(with_weights_of(arguments.fixtures), picture, path, {**sam_fixtures.AMG, **THRESHOLDS})
    said |= {"masks": json.loads(path.read_text()), **THRESHOLDS}
    path.write_text(json.dumps(said, separators=(",", ":")) + "\n")
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


def scores(folder, samples):
    """City scores at every fourth pixel, class by class."""
    model = segformer.random_small()
    pixels = parity.normalized(samples, segformer.MEAN, segformer.STD)[None]
    same(folder / "segformer.onnx", pixels, model(pixel_values=torch.from_numpy(pixels)).logits)
    return rounded(segformer.city_scores(model, samples, masked=True)[:, ::STEP, ::STEP].ravel())


@torch.no_grad()
def features(folder, name, samples):
    """The numbers of each patch."""
    model = dinov2.loaded(SimpleNamespace(checkpoint=None, registers=name.endswith("registers"))).eval()
    pixels = parity.normalized(samples, dinov2.MEAN, dinov2.STD)[None]
    tokens = model(torch.from_numpy(pixels)).last_hidden_state
    same(folder / f"{name}.onnx", pixels, tokens)
    before = 1 + getattr(model.config, "num_register_tokens", 0)
    return [rounded(token) for token in tokens[0, before:].tolist()]


def same(path, pixels, expected):
    """Weights made again from their seed must be those of the file."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: pixels})[0]
    worst = float(np.abs(found - expected.detach().numpy()).max())
    if worst > 1e-3:
        raise SystemExit(f"{path}: other weights than the reference's, {worst} apart")


def rounded(values):
    return [round(float(value), 5) for value in values]


if __name__ == "__main__":
    main()
