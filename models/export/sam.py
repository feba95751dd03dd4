#!/usr/bin/env python3
"""Makes a `sam` model of a SAM or MobileSAM checkpoint: encoder, prompt decoder and card, held against PyTorch.

    python3 models/export/sam.py --checkpoint sam_vit_b_01ec64.pth --type vit_b --out models/sam-vit-b
    python3 models/export/sam.py --checkpoint mobile_sam.pt --type vit_t --out models/mobile-sam
    python3 models/export/sam.py --checkpoint facebook/sam-vit-base --type split --out models/sam-split

Three layouts: that of segment-anything's own decoder (vit_b, vit_l, vit_h; its prompts batched, which the original file
is not), MobileSAM's (vit_t: the same decoder; its encoder takes a picture [rows, cols, 3] of 0 to 255 and normalizes
inside), and optimum's split (pixel_values; input_points). Needs segment-anything, for vit_t mobile-sam too.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

OPSET = 17
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)

CARD = """\
name = "{name}"
version = "1"
family = "sam"
file = "{encoder}"
licence = "{licence}"

[input]
name = "{input_name}"
layout = "{layout}"
channels = ["red", "green", "blue"]
scale = 1.0
mean = {mean}
std = {std}
resolution_m_per_px = {resolution}
resolution_range_m_per_px = [{finest}, {coarsest}]
chip_px = {chip_px}
stride_px = {stride_px}
multiple_px = 16

[output]
name = "image_embeddings"
activation = "none"

[masks]
decoder = "{decoder}"
{amg}
[provenance]
source = "{source}"
recipe = "models/export/sam.py"
parity = {parity:.1e}            # the largest difference from PyTorch
"""


class Picture(nn.Module):
    """An encoder that normalizes: a picture [rows, cols, 3] of 0 to 255 goes in."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1))

    def forward(self, picture):
        return self.encoder(((picture.permute(2, 0, 1) - self.mean) / self.std)[None])


class VisionEncoder(nn.Module):
    """The first half of optimum's split."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        embeddings = self.model.vision_encoder(pixel_values)[0]
        positional = self.model.get_image_wide_positional_embeddings()
        return embeddings, positional.expand(embeddings.shape[0], -1, -1, -1)


class PromptDecoder(nn.Module):
    """The second half of optimum's split."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_points, input_labels, image_embeddings, image_positional_embeddings):
        sparse, dense = self.model.prompt_encoder(
            input_points=input_points, input_labels=input_labels, input_boxes=None, input_masks=None)
        masks, iou = self.model.mask_decoder(
            image_embeddings=image_embeddings, image_positional_embeddings=image_positional_embeddings,
            sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense, multimask_output=True)[:2]
        return iou, masks


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True, help="a .pth file; for split a hub name or a folder")
    parser.add_argument("--type", choices=["vit_b", "vit_l", "vit_h", "vit_t", "split"], required=True)
    parser.add_argument("--name", help="of the model; that of the folder unless told")
    parser.add_argument("--resolution", type=float, default=0.25, help="m/px")
    parser.add_argument("--resolution-range", type=float, nargs=2, default=(0.1, 0.5), metavar=("FINEST", "COARSEST"))
    parser.add_argument("--stride-px", type=int, default=640, help="objects up to 1024 - stride - 40 px are seen whole")
    parser.add_argument("--licence", default="Apache-2.0")
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    place = Place(arguments.out, "", "model.toml", arguments.name or arguments.out.name, arguments.licence)
    said = {"resolution": arguments.resolution, "finest": arguments.resolution_range[0], "source": arguments.checkpoint,
            "coarsest": arguments.resolution_range[1], "stride_px": arguments.stride_px, "amg": ""}
    if arguments.type == "split":
        from transformers import SamModel
        model = SamModel.from_pretrained(arguments.checkpoint, attn_implementation="eager").eval()
        write_split(model, model.config.vision_config.image_size, place, said)
    elif arguments.type == "vit_t":
        import mobile_sam
        write_official(mobile_sam.sam_model_registry["vit_t"](checkpoint=arguments.checkpoint).eval(), True, place, said)
    else:
        import segment_anything
        registry = segment_anything.sam_model_registry
        write_official(registry[arguments.type](checkpoint=arguments.checkpoint).eval(), False, place, said)


class Place:
    """Where a model is written and what it is called."""

    def __init__(self, folder, prefix, card, name, licence):
        self.folder, self.prefix, self.card, self.name, self.licence = folder, prefix, card, name, licence

    def file(self, part):
        return self.folder / f"{self.prefix}{part}.onnx"


def write_official(sam, takes_picture, place, said):
    """The encoder and the decoder of segment-anything; returns the path of the card."""
    from segment_anything.utils.onnx import SamOnnxModel
    side = sam.image_encoder.img_size
    grid = sam.prompt_encoder.image_embedding_size[0]
    dim = sam.prompt_encoder.embed_dim
    encoder = Picture(sam.image_encoder).eval() if takes_picture else sam.image_encoder
    example = torch.rand(side, side, 3) * 255 if takes_picture else torch.randn(1, 3, side, side)
    name = "input_image" if takes_picture else "image"
    export(encoder, (example,), place.file("encoder"), [name], ["image_embeddings"],
           {} if takes_picture else {"image": {0: "n"}, "image_embeddings": {0: "n"}})
    decoder = SamOnnxModel(sam, return_single_mask=False).eval()
    prompts = {
        "image_embeddings": torch.randn(1, dim, grid, grid),
        "point_coords": torch.cat([torch.rand(3, 1, 2) * side, torch.zeros(3, 1, 2)], 1),
        "point_labels": torch.tensor([[1.0, -1.0]] * 3),
        "mask_input": torch.zeros(1, 1, 4 * grid, 4 * grid),
        "has_mask_input": torch.zeros(1),
        "orig_im_size": torch.tensor([side, side], dtype=torch.float32),
    }
    export(decoder, tuple(prompts.values()), place.file("decoder"), list(prompts),
           ["masks", "iou_predictions", "low_res_masks"],
           {"point_coords": {0: "prompts", 1: "points"}, "point_labels": {0: "prompts", 1: "points"}})
    worst = max(compared(encoder, place.file("encoder"), {name: example}),
                compared(decoder, place.file("decoder"), prompts),
                compared(decoder, place.file("decoder"), {k: v[:1] if k.startswith("point") else v for k, v in prompts.items()}))
    mean, std = ([0.0] * 3, [1.0] * 3) if takes_picture else (list(MEAN), list(STD))
    layout = "NHWC" if takes_picture else "NCHW"
    return card(place, {**said, "input_name": name, "layout": layout, "mean": mean, "std": std, "chip_px": side,
                        "parity": worst})


def write_split(model, side, place, said):
    """The two halves of optimum's export; returns the path of the card."""
    encoder, decoder = VisionEncoder(model).eval(), PromptDecoder(model).eval()
    pixels = torch.randn(1, 3, side, side)
    halves = ("vision_encoder", "prompt_encoder_mask_decoder")
    export(encoder, (pixels,), place.file(halves[0]), ["pixel_values"], ["image_embeddings", "image_positional_embeddings"],
           {n: {0: "n"} for n in ("pixel_values", "image_embeddings", "image_positional_embeddings")})
    with torch.no_grad():
        embeddings, positional = encoder(pixels)
    prompts = {
        "input_points": torch.rand(1, 3, 1, 2) * side,
        "input_labels": torch.ones(1, 3, 1, dtype=torch.int64),
        "image_embeddings": embeddings,
        "image_positional_embeddings": positional,
    }
    export(decoder, tuple(prompts.values()), place.file(halves[1]), list(prompts), ["iou_scores", "pred_masks"], {
        "input_points": {0: "n", 1: "prompts", 2: "points"}, "input_labels": {0: "n", 1: "prompts", 2: "points"},
        "image_embeddings": {0: "n"}, "image_positional_embeddings": {0: "n"},
        "iou_scores": {0: "n", 1: "prompts"}, "pred_masks": {0: "n", 1: "prompts"}})
    fewer = {k: v[:, :2] if k.startswith("input") else v for k, v in prompts.items()}
    worst = max(compared(encoder, place.file(halves[0]), {"pixel_values": pixels}),
                compared(decoder, place.file(halves[1]), prompts), compared(decoder, place.file(halves[1]), fewer))
    return card(place, {**said, "input_name": "pixel_values", "layout": "NCHW", "mean": list(MEAN), "std": list(STD),
                        "chip_px": side, "parity": worst}, halves)


def export(module, example, path, inputs, outputs, dynamic):
    with torch.no_grad():
        torch.onnx.export(module, example, str(path), opset_version=OPSET, dynamo=False, input_names=inputs,
                          output_names=outputs, dynamic_axes=dynamic)
    onnx.checker.check_model(str(path), full_check=True)


@torch.no_grad()
def compared(module, path, inputs):
    """The largest difference of any output from PyTorch's; raises where it is above 1e-3 of the largest number."""
    expected = module(*inputs.values())
    expected = expected if isinstance(expected, tuple) else (expected,)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    known = {i.name for i in session.get_inputs()}  # a constant input is left out of the file
    found = session.run(None, {k: v.numpy() for k, v in inputs.items() if k in known})
    worst = 0.0
    for a, b in zip(expected, found):
        a = a.numpy()
        if a.shape != b.shape:
            raise SystemExit(f"{path}: shape {b.shape}, PyTorch has {a.shape}")
        far = float(np.abs(a - b).max())
        if far > 1e-3 * max(1.0, float(np.abs(a).max())):
            raise SystemExit(f"{path}: differs from PyTorch by {far}")
        worst = max(worst, far)
    return worst


def card(place, said, parts=("encoder", "decoder")):
    path = place.folder / place.card
    path.write_text(CARD.format(name=place.name, licence=place.licence, encoder=place.file(parts[0]).name,
                                decoder=place.file(parts[1]).name, **said))
    print(f"{path}: " + ", ".join(f"{place.file(p).name} {place.file(p).stat().st_size / 1e3:.0f} kB" for p in parts)
          + f", largest difference {said['parity']:.1e}")
    return path


if __name__ == "__main__":
    main()
