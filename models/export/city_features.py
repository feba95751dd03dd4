#!/usr/bin/env python3
"""Makes a `features` model of the network that ships: its encoder, a feature map at 1/16, as ONNX and card.

    python3 models/export/city_features.py --model models/city --out models/city-features

The map joins what stage 16 sees (texture) and what comes back to it from the dilated context (surroundings).
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
patch_px = 16
dim = {dim}

[provenance]
source = "{name} {version}"
recipe = "models/export/city_features.py"
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="the folder of the city network")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    card = tomllib.loads((arguments.model / "model.toml").read_text())
    model = onnx.load(str(arguments.model / card["file"]))
    arguments.out.mkdir(parents=True, exist_ok=True)
    tensors = [last_relu(model, "stage16"), last_relu(model, "join16.mix")]
    dim = sum(channels(model, tensor) for tensor in tensors)
    features = joined(model, card["input"]["name"], tensors, dim)
    path = arguments.out / "features.onnx"
    onnx.save(features, str(path))
    worst = compared(model, path, card, tensors)
    keys = [f"{key} = {toml(value)}\n" for key, value in card["input"].items()]
    (arguments.out / "model.toml").write_text(CARD.format(
        name=card["name"], version=card["version"], licence=card["licence"], input="".join(keys), dim=dim))
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {dim} features of {tensors}, largest difference {worst:.1e}")


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


def channels(model, tensor):
    """The channels of a tensor, by running the network on a small picture."""
    return run(model, [tensor], np.zeros((1, 3, 64, 64), np.float32))[0].shape[1]


def run(model, tensors, image):
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.extend(helper.make_tensor_value_info(t, TensorProto.FLOAT, None) for t in tensors)
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(tensors, {session.get_inputs()[0].name: image})


def joined(model, image, tensors, dim):
    """The part of the network up to the tensors, with one output of `dim` channels."""
    part = Extractor(onnx.shape_inference.infer_shapes(model)).extract_model([image], tensors)
    del part.graph.output[:]
    part.graph.node.append(helper.make_node("Concat", tensors, ["features"], axis=1))
    part.graph.output.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", dim, "rows", "cols"]))
    onnx.checker.check_model(part, full_check=True)
    return part


def compared(model, path, card, tensors):
    image = parity.normalized(parity.synthetic(256), card["input"]["mean"], card["input"]["std"])[None]
    expected = np.concatenate(run(model, tensors, image), axis=1)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(["features"], {card["input"]["name"]: image})[0]
    worst = float(np.abs(found - expected).max())
    if found.shape != expected.shape or worst > 1e-3:
        raise SystemExit(f"{path}: {found.shape} against {expected.shape}, differs by {worst}")
    return worst


if __name__ == "__main__":
    main()
