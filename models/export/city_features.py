#!/usr/bin/env python3
"""Makes a `features` model of the network that ships, as ONNX and card: what its last stage knows before it answers.

    python3 models/export/city_features.py --model models/city --out models/city-features

The maps of its coarse stages (`--stage stage16 --patch-px 16`) hold surroundings and no colour: a head on them takes dark
water for sand. So the last map is taken unless told, 24 numbers, averaged over patches of 4 pixels.
"""

import argparse
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.utils import Extractor

import parity

CARD = """\
name = "city-features"
version = "{version}"
family = "features"
file = "features.onnx"
licence = "{licence}"

[input]
{input}
[output]
name = "features"
activation = "none"
patch_px = {patch_px}
dim = {dim}
{labels}
[provenance]
source = "{name} {version}"
recipe = "models/export/city_features.py"
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="the folder of the city network")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--stage", default="join2.mix", help="a stage of `network.py`, or a layer inside one")
    parser.add_argument("--patch-px", type=int, default=4, help="pixels along a patch, no fewer than the stage has")
    arguments = parser.parse_args()
    card = tomllib.loads((arguments.model / "model.toml").read_text())
    model = onnx.load(str(arguments.model / card["file"]))
    arguments.out.mkdir(parents=True, exist_ok=True)
    tensor, patch_px = last_relu(model, arguments.stage), arguments.patch_px
    dim, stride = shape(model, tensor)
    if patch_px % stride or card["input"]["multiple_px"] % patch_px:
        raise SystemExit(f"--patch-px {patch_px}: a multiple of {stride} that divides {card['input']['multiple_px']}")
    features = pooled(model, card["input"]["name"], tensor, (dim, patch_px // stride))
    path = arguments.out / "features.onnx"
    onnx.save(features, str(path))
    worst = compared(model, path, card, (tensor, patch_px))
    keys = [f"{key} = {toml(value)}\n" for key, value in card["input"].items()]
    # Heads on these features are as sure as the network: its defaults for labels and roofs suit them too.
    labels = "".join(f"{key} = {toml(value)}\n" for key, value in card.get("labels", {}).items())
    (arguments.out / "model.toml").write_text(CARD.format(
        name=card["name"], version=card["version"], licence=card["licence"], input="".join(keys), patch_px=patch_px,
        dim=dim, labels=f"\n[labels]\n{labels}" if labels else ""))
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {dim} features of {tensor}, largest difference {worst:.1e}")


def toml(value):
    return str(value).replace("'", '"') if not isinstance(value, str) else f'"{value}"'


def last_relu(model, stage):
    """The output of the last ReLU that the convolutions of a stage run into."""
    weights = {w.name for w in model.graph.initializer if w.name.startswith(f"{stage}.")}
    seen = {o for n in model.graph.node if weights & set(n.input) for o in n.output}
    found = None
    for node in model.graph.node:
        if node.op_type == "Add" and set(node.input) & seen:
            seen |= set(node.output)
        elif node.op_type == "Relu" and set(node.input) & seen:
            found = node.output[0]
    if found is None:
        raise SystemExit(f"no ReLU after {stage}.* in the network")
    return found


def shape(model, tensor):
    """Channels of a tensor, and pixels of the picture to one of its own, by running the network on a small picture."""
    found = run(model, tensor, np.zeros((1, 3, 64, 64), np.float32)).shape
    return found[1], 64 // found[2]


def run(model, tensor, image):
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run([tensor], {session.get_inputs()[0].name: image})[0]


def pooled(model, image, tensor, dim_and_side):
    """The part of the network up to a tensor, averaged over squares of `side`: one output of `dim` channels."""
    dim, side = dim_and_side
    part = Extractor(onnx.shape_inference.infer_shapes(model)).extract_model([image], [tensor])
    del part.graph.output[:]
    part.graph.node.append(helper.make_node(
        "AveragePool", [tensor], ["features"], kernel_shape=[side, side], strides=[side, side]))
    part.graph.output.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", dim, "rows", "cols"]))
    onnx.checker.check_model(part, full_check=True)
    return part


def compared(model, path, card, tensor_and_patch):
    tensor, patch_px = tensor_and_patch
    image = parity.normalized(parity.synthetic(256), card["input"]["mean"], card["input"]["std"])[None]
    expected = run(model, tensor, image)
    n, dim, rows, cols = expected.shape
    side = rows * patch_px // 256
    expected = expected.reshape(n, dim, rows // side, side, cols // side, side).mean((3, 5))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(["features"], {card["input"]["name"]: image})[0]
    worst = float(np.abs(found - expected).max())
    if found.shape != expected.shape or worst > 1e-3:
        raise SystemExit(f"{path}: {found.shape} against {expected.shape}, differs by {worst}")
    return worst


if __name__ == "__main__":
    main()
