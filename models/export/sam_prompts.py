#!/usr/bin/env python3
"""What segment-anything's own SamPredictor says of points and boxes with the small SAM of the tests.

    python3 models/export/sam_prompts.py --fixtures fixtures/models        (seconds; needs segment-anything)

Writes `sam.prompts.json`: for each prompt the predicted IoU of its three masks, and every fourth pixel of their
low-resolution logits. The weights are those inside `sam.encoder.onnx` and `sam.decoder.onnx`.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

import sam as exporter
import sam_small as small

# Pixels from the upper left, (x, y): a point inside, and the first and the last corner of a box around it.
PROMPTS = [
    {"point": [30, 40], "box": [[12, 22], [50, 61]]},
    {"point": [88, 70], "box": [[70, 50], [110, 95]]},
    {"point": [64, 100], "box": [[40, 84], [95, 120]]},
    {"point": [64, 64], "box": None},
    {"point": [101, 23], "box": None},
]
STEP = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fixtures", type=Path, required=True, help="the folder of sam.*.onnx and sam.bin")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = with_weights_of(arguments.fixtures)
    picture = np.frombuffer((arguments.fixtures / "sam.bin").read_bytes(), np.uint8)
    said = answers(model, picture.reshape(small.SIDE_PX, small.SIDE_PX, 3))
    path = arguments.fixtures / "sam.prompts.json"
    path.write_text(json.dumps(said, separators=(",", ":")) + "\n")
    print(f"{path}: {len(said)} prompts, {path.stat().st_size / 1e3:.0f} kB")


def answers(model, picture):
    from segment_anything import SamPredictor
    predictor = SamPredictor(model)
    predictor.set_image(picture)
    said = []
    for prompt in PROMPTS:
        box = None if prompt["box"] is None else torch.tensor([sum(prompt["box"], [])], dtype=torch.float32)
        point = torch.tensor([[prompt["point"]]], dtype=torch.float32)
        _, iou, logits = predictor.predict_torch(
            point_coords=point, point_labels=torch.ones(1, 1), boxes=box, multimask_output=True)
        some = logits[0, :, ::STEP, ::STEP]
        rounded = lambda values: [round(float(v), 5) for v in values.flatten()]  # noqa: E731
        said.append({**prompt, "iou": rounded(iou[0]), "logits": rounded(some)})
    return said


def with_weights_of(folder):
    """The small SAM with the weights of the fixtures.

    Their tensors have no names. A network of other weights, exported in the same way, has the same tensors in the same order,
    and there it is known which parameter each one is: the one with the same numbers.
    """
    model = small.sam()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_()  # those that begin as ones and zeros too: no two are the same
    random = exported(model)
    state = model.state_dict()
    tokens = torch.cat([state.pop("mask_decoder.iou_token.weight"), state.pop("mask_decoder.mask_tokens.weight")])
    parts = {**state, "tokens": tokens}  # the exporter makes one tensor of these
    values = {}
    for known, value in zip(random, tensors(folder), strict=True):
        name, turned = next(found for found in (place(known, name, part) for name, part in parts.items()) if found)
        values[name] = torch.tensor(value.T if turned else value).reshape(parts[name].shape)
    tokens = values.pop("tokens")
    values["mask_decoder.iou_token.weight"], values["mask_decoder.mask_tokens.weight"] = tokens[:1], tokens[1:]
    missing = model.load_state_dict(values, strict=False).missing_keys
    # Of masks that are given, and of points that are not asked: these prompts have none.
    unused = ("pixel_", "prompt_encoder.mask_downscaling")
    if any(not name.startswith(unused) for name in missing):
        raise SystemExit(f"not found in the files: {missing}")
    return model.eval()


def place(known, name, part):
    """The name of a parameter that has these numbers, and whether they are turned."""
    part = part.numpy()
    if known.size == part.size and np.array_equal(known.ravel(), part.ravel()):
        return name, False
    turned = known.ndim == 2 and known.T.shape == part.shape and np.array_equal(known.T, part)
    return (name, True) if turned else None


def exported(model):
    with tempfile.TemporaryDirectory() as scratch:
        said = {"resolution": 0.25, "finest": 0.1, "coarsest": 0.6, "stride_px": 80, "source": "", "amg": ""}
        exporter.write_official(model, False, exporter.Place(Path(scratch), "sam.", "sam.toml", "sam", ""), said)
        return tensors(Path(scratch))


def tensors(folder):
    parts = [onnx.load(str(folder / f"sam.{part}.onnx")).graph.initializer for part in ("encoder", "decoder")]
    return [numpy_helper.to_array(tensor) for part in parts for tensor in part]


if __name__ == "__main__":
    main()
