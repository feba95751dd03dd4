#!/usr/bin/env python3
"""Turns a SegFormer checkpoint into an ONNX file and its card, and holds the file against PyTorch.

    python3 models/export/segformer.py nvidia/segformer-b0-finetuned-ade-512-512 --out segformer-b0 --licence "NVIDIA, non-commercial"
    python3 models/export/segformer.py --random-small --out fixtures/models      (the fixture of the tests, no download)

The checkpoint is a name on the Hugging Face hub or a folder. Read its licence first: NVIDIA's weights are for research and
evaluation only, which is why the option has no default.
"""
import argparse
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from transformers import SegformerConfig, SegformerForSemanticSegmentation

ROOT = Path(__file__).resolve().parents[2]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

CARD = """\
name = "{name}"
version = "1"
family = "semantic"
file = "{name}.onnx"
licence = "{licence}"
classes = {classes}
mask_implausible = true

[input]
name = "pixel_values"
layout = "NCHW"
channels = ["red", "green", "blue"]
scale = 0.00392156862745098
mean = {mean}
std = {std}
resolution_m_per_px = {resolution}
resolution_range_m_per_px = [{finest}, {coarsest}]
chip_px = {chip}
stride_px = {stride}
multiple_px = 32

[output]
name = "logits"
activation = "softmax"
stride = 4

[provenance]
checkpoint = "{checkpoint}"
recipe = "models/export/segformer.py"
"""


class Logits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model(pixel_values=pixel_values).logits


def random_small():
    """The architecture at a size for tests; weights wide enough that its answers differ from pixel to pixel."""
    torch.manual_seed(7)
    config = SegformerConfig(
        num_labels=150, depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16, sr_ratios=[8, 4, 2, 1], mlp_ratios=[2, 2, 2, 2],
    )
    model = SegformerForSemanticSegmentation(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.normal_(0, 1.5 / weight[0].numel() ** 0.5)
        model.decode_head.classifier.weight.mul_(2.5)
    return model.eval()


def export(model, path, chip):
    axes = {"pixel_values": {0: "batch", 2: "rows", 3: "cols"}, "logits": {0: "batch", 2: "score_rows", 3: "score_cols"}}
    example = torch.zeros(1, 3, chip, chip)
    torch.onnx.export(
        Logits(model).eval(), (example,), str(path), input_names=["pixel_values"], output_names=["logits"],
        dynamic_axes=axes, opset_version=17, dynamo=False,
    )
    onnx.checker.check_model(onnx.load(path))


def parity(model, path, chip):
    """The largest difference between ONNX Runtime and PyTorch, over two sizes and a batch."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0.0
    for n, rows, cols in [(1, chip, chip), (2, chip, chip), (1, chip + 32, chip + 64)]:
        pixels = torch.from_numpy(np.random.default_rng(n).normal(size=(n, 3, rows, cols)).astype(np.float32))
        with torch.no_grad():
            truth = model(pixel_values=pixels).logits.numpy()
        ours = session.run(["logits"], {"pixel_values": pixels.numpy()})[0]
        worst = max(worst, float(np.abs(ours - truth).max() / np.abs(truth).max()))
    return worst


def city_scores(model, samples, masked):
    """The reference: logits enlarged by transformers' own rule, softmax, probabilities added up per city class."""
    mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (MEAN, STD))
    pixels = torch.from_numpy((samples.astype(np.float32) / 255 - mean) / std)[None]
    with torch.no_grad():
        logits = model(pixel_values=pixels).logits
    logits = torch.nn.functional.interpolate(logits, size=samples.shape[1:], mode="bilinear", align_corners=False)
    table = tomllib.loads((ROOT / "models/ade20k.toml").read_text())["classes"]
    scheme = tomllib.loads((ROOT / "styles/city.toml").read_text())["classes"]
    codes = {c["name"]: c["code"] for c in scheme}
    kept = [i for i, c in enumerate(table) if not (masked and c.get("implausible"))]
    probabilities = logits[0, kept].softmax(0).numpy()
    targets = np.array([codes[table[i]["city_class"]] for i in kept])
    return np.stack([probabilities[targets == code].sum(0) for code in np.unique(targets)])


def synthetic(side):
    """A picture with edges, ramps and noise, from a seed."""
    rows, cols = np.mgrid[0:side, 0:side]
    noise = np.random.default_rng(3).integers(0, 60, (3, side, side))
    ramps = np.stack([cols * 190 // side, rows * 190 // side, (rows + cols) * 95 // side])
    ramps[:, side // 4 : side // 2, side // 3 : side * 3 // 4] = 15
    return (ramps + noise).astype(np.uint8)


def write_card(model, path, options, chip):
    names = [model.config.id2label[i] for i in range(model.config.num_labels)]
    if len(names) != 150:
        raise SystemExit(f"{len(names)} classes: this recipe is for ADE20K's 150; write the card's [[classes]] by hand")
    m = options.resolution
    path.with_suffix(".toml").write_text(CARD.format(
        name=path.stem, licence=options.licence, classes='"ade20k"', mean=MEAN, std=STD, resolution=m, finest=m / 2,
        coarsest=m * 2, chip=chip, stride=chip * 3 // 4 // 32 * 32, checkpoint=options.checkpoint or "random weights",
    ))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?", help="a name on the hub, or a folder")
    parser.add_argument("--random-small", action="store_true", help="no checkpoint: the architecture, small, random")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chip", type=int, help="the side of a chip; that of the training unless given")
    parser.add_argument("--resolution", type=float, default=0.25, help="m/px on the ground that chips are resampled to")
    parser.add_argument("--licence", help="of the weights, as the card will say")
    options = parser.parse_args()
    if options.random_small == bool(options.checkpoint):
        parser.error("a checkpoint, or --random-small")
    if options.random_small:
        model, name, chip, options.licence = random_small(), "segformer", options.chip or 64, "MIT OR Apache-2.0"
    else:
        if not options.licence:
            parser.error("--licence: what the model's page says; it is shown before the weights are used")
        model = SegformerForSemanticSegmentation.from_pretrained(options.checkpoint).eval()
        name = Path(options.checkpoint).name
        chip = options.chip or (640 if "640" in name else 512)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{name}.onnx"
    export(model, path, chip)
    worst = parity(model, path, chip)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, differs from PyTorch by at most {worst:.1e} of the largest logit")
    if worst > 1e-4:
        raise SystemExit("that is too much")
    write_card(model, path, options, chip)
    if options.random_small:
        samples = synthetic(chip)
        scores = city_scores(model, samples, masked=True)
        numbers = np.round(scores * 65535).astype("<u2")
        path.with_suffix(".bin").write_bytes(samples.tobytes() + numbers.tobytes())
        print(f"reference scores {scores.shape}, {scores.min():.3f} to {scores.max():.3f}")


if __name__ == "__main__":
    main()
