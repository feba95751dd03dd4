#!/usr/bin/env python3
"""Makes a `features` model of DINOv2, with or without registers: an ONNX file and its card.

    python3 models/export/dinov2.py --checkpoint facebook/dinov2-with-registers-small --out models/dinov2-small
    python3 models/export/dinov2.py --random-small --registers --out fixtures/models --name dinov2-registers

The position embedding is interpolated once, to the chip, and kept as a constant: the antialiased bicubic
interpolation of the variant with registers has no ONNX operator. So the chip is fixed; the batch is free.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn
from transformers import AutoModel, Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

import parity

OPSET = 17
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SMALL = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_ratio": 2,
         "image_size": 70, "patch_size": 14, "attn_implementation": "eager"}

CARD = """\
name = "{name}"
version = "1"
family = "features"
file = "{name}.onnx"
licence = "{licence}"

[input]
name = "pixel_values"
layout = "NCHW"
channels = ["red", "green", "blue"]
scale = 0.00392156862745098
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
resolution_m_per_px = {resolution}
resolution_range_m_per_px = [{finest}, {coarsest}]
chip_px = {chip_px}
stride_px = {stride_px}
multiple_px = {patch_px}

[output]
name = "last_hidden_state"
activation = "none"
patch_px = {patch_px}
dim = {dim}
tokens = {{ cls = 1, registers = {registers} }}

[provenance]
source = "{source}"
recipe = "models/export/dinov2.py"
parity = {parity:.1e}            # the largest difference from PyTorch
"""


class Tokens(nn.Module):
    """All tokens after the last norm: class token, registers, patches row by row."""

    def __init__(self, model, chip_px):
        super().__init__()
        self.model = model
        with torch.no_grad():
            size = model.config.patch_size
            tokens = torch.zeros(1, 1 + (chip_px // size) ** 2, model.config.hidden_size)
            baked = model.embeddings.interpolate_pos_encoding(tokens, chip_px, chip_px).clone()
        self.register_buffer("baked", baked)
        model.embeddings.interpolate_pos_encoding = lambda embeddings, height, width: self.baked

    def forward(self, pixel_values):
        return self.model(pixel_values).last_hidden_state


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", help="a hub name or a folder")
    source.add_argument("--random-small", action="store_true", help="random weights of the same architecture")
    parser.add_argument("--registers", action="store_true", help="with --random-small: four register tokens")
    parser.add_argument("--name", help="of the model; that of the checkpoint unless told")
    parser.add_argument("--chip-px", type=int, help="518, or 56 with --random-small")
    parser.add_argument("--stride-px", type=int, help="392, or 42 with --random-small: multiples of the patch align the patches")
    parser.add_argument("--resolution", type=float, default=0.3, help="m/px")
    parser.add_argument("--resolution-range", type=float, nargs=2, default=(0.1, 1.0), metavar=("FINEST", "COARSEST"))
    parser.add_argument("--licence", default="Apache-2.0")
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    arguments = parser.parse_args()
    model = loaded(arguments).eval()
    chip_px = arguments.chip_px or (56 if arguments.random_small else 518)
    stride_px = arguments.stride_px or (42 if arguments.random_small else 392)
    if chip_px % model.config.patch_size:
        raise SystemExit(f"--chip-px {chip_px}: a multiple of {model.config.patch_size} is accepted")
    write(arguments, Tokens(model, chip_px).eval(), chip_px, stride_px)


def loaded(arguments):
    if arguments.checkpoint:
        return AutoModel.from_pretrained(arguments.checkpoint, attn_implementation="eager")
    torch.manual_seed(14)
    kinds = (Dinov2WithRegistersConfig, Dinov2WithRegistersModel) if arguments.registers else (Dinov2Config, Dinov2Model)
    model = kinds[1](kinds[0](**SMALL))
    with torch.no_grad():  # everything that starts at zero or one must count in the parity check
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def write(arguments, tokens, chip_px, stride_px):
    config = tokens.model.config
    name = arguments.name or (arguments.checkpoint or "dinov2-random").rstrip("/").split("/")[-1]
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"{name}.onnx"
    torch.onnx.export(
        tokens, (torch.zeros(1, 3, chip_px, chip_px),), str(path), opset_version=OPSET, dynamo=False,
        input_names=["pixel_values"], output_names=["last_hidden_state"],
        dynamic_axes={"pixel_values": {0: "n"}, "last_hidden_state": {0: "n"}})
    onnx.checker.check_model(str(path), full_check=True)
    image = parity.normalized(parity.synthetic(chip_px), MEAN, STD)
    both = np.stack([image, image[:, ::-1].copy()])
    worst = parity.check(tokens, path, [image[None], both], 2e-3)
    registers = getattr(config, "num_register_tokens", 0)
    card = CARD.format(
        name=name, licence="MIT OR Apache-2.0" if arguments.random_small else arguments.licence,
        resolution=arguments.resolution, finest=arguments.resolution_range[0], coarsest=arguments.resolution_range[1],
        chip_px=chip_px, stride_px=stride_px, patch_px=config.patch_size, dim=config.hidden_size,
        registers=registers, parity=worst, source=arguments.checkpoint or "random weights, seed 14")
    card_path = arguments.out / (f"{name}.toml" if arguments.random_small else "model.toml")
    card_path.write_text(card)
    if arguments.random_small:
        with torch.no_grad():
            expected = tokens(torch.from_numpy(image[None]))[0, 1 + registers:].double().numpy()
        rounded = [[round(v, 5) for v in token] for token in expected.tolist()]
        (arguments.out / f"{name}.features.json").write_text(json.dumps(rounded, separators=(",", ":")) + "\n")
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB, largest difference {worst:.1e}; {card_path}")


if __name__ == "__main__":
    main()
