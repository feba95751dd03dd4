#!/usr/bin/env python3
"""Makes the SAM fixtures of the tests: a small SAM in three layouts, and what segment-anything's generator finds with it.

    python3 models/export/sam_fixtures.py --out fixtures/models        (some minutes; needs segment-anything, mobile-sam)
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch

import sam as exporter
import sam_small as small

AMG = {"points_per_side": 12, "points_per_batch": 50, "pred_iou_thresh": 0.5, "stability_score_thresh": 0.6,
       "stability_score_offset": 1.0, "box_nms_thresh": 0.7, "min_mask_region_area": 20}
RULES = """\
edge_px = 3

[[masks.rules]]
city_class = "water"
blue_excess = [20, 255]

[[masks.rules]]
city_class = "road"
grey_tolerance = 35
aspect = [2.0, 1000]

[[masks.rules]]
city_class = "vegetation"
green_excess = [20, 255]

[[masks.rules]]
city_class = "building"
area_m2 = [8, 5000]
rectangularity = [0.75, 1]
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, help="keeps what was taught, or reads it where it is there")
    parser.add_argument("--steps", type=int, nargs=2, default=(900, 400), help="of teaching, and of the second encoder")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, tiny = taught(arguments)
    picture, _ = small.scene(np.random.default_rng(15))
    (arguments.out / "sam.bin").write_bytes(picture.tobytes())
    said = {"resolution": 0.25, "finest": 0.1, "coarsest": 0.6, "stride_px": 80,
            "source": "the architecture at the size of a test, taught on drawn shapes"}
    said["amg"] = "".join(f"{key} = {value}\n" for key, value in AMG.items()).replace("_area =", "_area_px =") + RULES
    place = lambda name: exporter.Place(arguments.out, f"{name}.", f"{name}.toml", name, "MIT OR Apache-2.0")  # noqa: E731
    exporter.write_official(model, False, place("sam"), said)
    reference(model, picture, arguments.out / "sam.masks.json")
    exporter.write_split(in_transformers(model), small.SIDE_PX, place("sam-split"), said)
    encoder, model.image_encoder = model.image_encoder, tiny
    tiny.img_size = small.SIDE_PX
    exporter.write_official(model, True, place("mobile-sam"), said)
    reference(model, picture, arguments.out / "mobile-sam.masks.json")
    model.image_encoder = encoder
    (arguments.out / "mobile-sam.decoder.onnx").unlink()  # the same as the other's
    card = arguments.out / "mobile-sam.toml"
    card.write_text(card.read_text().replace("mobile-sam.decoder", "sam.decoder"))
    for path in sorted(arguments.out.glob("*sam*.onnx")):
        slim(path)


def slim(path):
    """Short names: half of a small file is names."""
    model = onnx.load(str(path))
    graph = model.graph
    kept = {port.name for port in [*graph.input, *graph.output]}
    names = {}
    short = lambda name: name if not name or name in kept else names.setdefault(name, f"t{len(names)}")  # noqa: E731
    del graph.value_info[:]
    for weight in graph.initializer:
        weight.name = short(weight.name)
    for node in graph.node:
        if any(a.HasField("g") for a in node.attribute):
            return  # a graph inside has names of its own
        node.name = ""
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
    if path.stat().st_size > 300_000:
        raise SystemExit(f"{path}: {path.stat().st_size} bytes")


def taught(arguments):
    model, tiny = small.sam(), small.tiny_vit()
    kept = arguments.weights
    if kept and kept.exists():
        weights = torch.load(kept, weights_only=True)
        model.load_state_dict(weights["sam"])
        tiny.load_state_dict(weights["tiny"])
        return model.eval(), tiny.eval()
    small.teach(model, arguments.steps[0])
    small.distil(tiny, model.image_encoder, arguments.steps[1])
    if kept:
        torch.save({"sam": model.state_dict(), "tiny": tiny.state_dict()}, kept)
    return model, tiny


def reference(model, picture, path, amg=AMG):
    """What SamAutomaticMaskGenerator finds, as row-major run lengths that begin with what is outside."""
    from segment_anything import SamAutomaticMaskGenerator
    masks = SamAutomaticMaskGenerator(model, **amg, output_mode="binary_mask").generate(picture)
    for mask in masks:
        flat = np.concatenate([[0], mask["segmentation"].ravel().astype(np.int8), [0]])
        edges = np.flatnonzero(np.diff(flat))
        mask["counts"] = np.diff(np.concatenate([[0], edges, [flat.size - 2]])).tolist()
    keys = ("counts", "area", "bbox", "predicted_iou", "stability_score", "point_coords")
    path.write_text(json.dumps([{k: m[k] for k in keys} for m in masks], separators=(",", ":"),
                               default=lambda v: v.tolist()) + "\n")
    print(f"{path}: {len(masks)} masks, areas {sorted(int(m['area']) for m in masks)}")


def in_transformers(model):
    """The same weights in the architecture of transformers."""
    from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig
    dim, side, patch = small.DIM, small.SIDE_PX, small.PATCH_PX
    config = SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=dim, output_channels=dim, num_hidden_layers=2, num_attention_heads=2, image_size=side,
            patch_size=patch, mlp_dim=2 * dim, window_size=4, global_attn_indexes=[1], num_pos_feats=dim // 2).to_dict(),
        prompt_encoder_config=SamPromptEncoderConfig(
            hidden_size=dim, image_size=side, patch_size=patch, mask_input_channels=4).to_dict(),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=dim, mlp_dim=48, num_hidden_layers=2, num_attention_heads=2, iou_head_depth=3,
            iou_head_hidden_dim=32).to_dict())
    config.vision_config._attn_implementation = config.mask_decoder_config._attn_implementation = "eager"
    other = SamModel._from_config(config, attn_implementation="eager").eval()
    renamed = {new_name(name): value for name, value in model.state_dict().items() if not name.startswith("pixel_")}
    shared = renamed["prompt_encoder.shared_embedding.positional_embedding"]
    renamed["shared_image_embedding.positional_embedding"] = shared
    missing, unknown = other.load_state_dict(renamed, strict=False)
    if unknown or any("shared" not in name for name in missing):
        raise SystemExit(f"weights do not fit: {missing} {unknown}")
    return other


def new_name(name):
    pairs = [
        ("image_encoder", "vision_encoder"), ("patch_embed.proj", "patch_embed.projection"), ("blocks", "layers"),
        ("neck.0", "neck.conv1"), ("neck.1", "neck.layer_norm1"), ("neck.2", "neck.conv2"), ("neck.3", "neck.layer_norm2"),
        (".norm", ".layer_norm"),
        ("pe_layer.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
        ("point_embeddings", "point_embed"),
        ("mask_downscaling.0", "mask_embed.conv1"), ("mask_downscaling.1", "mask_embed.layer_norm1"),
        ("mask_downscaling.3", "mask_embed.conv2"), ("mask_downscaling.4", "mask_embed.layer_norm2"),
        ("mask_downscaling.6", "mask_embed.conv3"),
        ("output_upscaling.0", "upscale_conv1"), ("output_upscaling.1", "upscale_layer_norm"),
        ("output_upscaling.3", "upscale_conv2"),
    ]
    for old, new in pairs:
        name = name.replace(old, new)
    if "iou_prediction_head" in name or "output_hypernetworks_mlps" in name:
        for old, new in (("layers.0", "proj_in"), ("layers.1", "layers.#"), ("layers.2", "proj_out"), ("layers.#", "layers.0")):
            name = name.replace(old, new)
    return name


if __name__ == "__main__":
    main()
