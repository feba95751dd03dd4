"""Folds batch statistics and the calibration into the weights, writes ONNX, and checks it against PyTorch."""

import argparse
import copy
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from classes import NAMES
from network import City

OPSET = 17
TOLERANCE = 2e-3
SHAPES = ((1, 256, 256), (2, 512, 384), (1, 64, 96))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--building-shift", type=float, default=0.0)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    network = City()
    network.load_state_dict(torch.load(arguments.weights))
    calibrated(network, arguments.temperature, arguments.building_shift)
    export(network, arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB, "
          f"largest difference {parity(network, arguments.out):.1e}")


def calibrated(network, temperature, building_shift):
    """The same network with honest logits: divided by the temperature, then the building's shifted."""
    network.head.weight.data /= temperature
    network.head.bias.data /= temperature
    first = 4 * NAMES.index("building")  # four answers for each class: `City`
    network.head.bias.data[first:first + 4] += building_shift
    return network


def export(network, path):
    network = folded(network.eval())
    torch.onnx.export(
        network, (torch.zeros(1, 3, 256, 256),), str(path), opset_version=OPSET,
        input_names=["image"], output_names=["logits"], dynamo=False,
        dynamic_axes={name: {0: "n", 2: "h", 3: "w"} for name in ("image", "logits")})
    onnx.checker.check_model(str(path), full_check=True)


def folded(network):
    """The same function without batch normalization."""
    network = copy.deepcopy(network)
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            for i, child in enumerate(module[:-1]):
                if isinstance(child, nn.Conv2d) and isinstance(module[i + 1], nn.BatchNorm2d):
                    module[i], module[i + 1] = fuse_conv_bn_eval(child, module[i + 1]), nn.Identity()
    return network


@torch.no_grad()
def unfold(network, path, image):
    """The way back: a shipped network (`folded`) with batch statistics again, the same function on `image`."""
    weights = {w.name: torch.from_numpy(onnx.numpy_helper.to_array(w).copy()) for w in onnx.load(str(path)).graph.initializer}
    places = dict(network.named_modules())
    for name, module in network.named_modules():
        if not isinstance(module, nn.Conv2d):
            continue
        if module.bias is not None:
            for parameter, shipped in ((module.weight, weights[f"{name}.weight"]), (module.bias, weights[f"{name}.bias"])):
                parameter.copy_(shipped.repeat_interleave(len(parameter) // len(shipped), 0))  # a head of version 0.1: 4 to 1
            continue
        module.weight.copy_(weights[f"{name}.weight"])
        sequence, _, index = name.rpartition(".")
        norm = places[f"{sequence}.{int(index) + 1}"]
        norm.register_forward_pre_hook(partial(restore_statistics, weights[f"{name}.bias"]))
    network.eval()(image)
    for module in network.modules():
        module._forward_pre_hooks.clear()
    return network


def restore_statistics(bias, norm, inputs):
    """What comes in gets the statistics that it has, and leaves with nothing but the bias added."""
    mean, variance = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3))
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.copy_(mean + bias)


def parity(network, path):
    """The largest difference of logits between PyTorch and ONNX Runtime over a few shapes."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    random, worst = np.random.default_rng(3), 0.0
    for n, h, w in SHAPES:
        image = random.normal(size=(n, 3, h, w)).astype(np.float32)
        with torch.no_grad():
            expected = network.eval()(torch.from_numpy(image)).numpy()
        found = session.run(["logits"], {"image": image})[0]
        worst = max(worst, float(np.abs(found - expected).max()))
    if worst > TOLERANCE:
        raise SystemExit(f"ONNX Runtime differs from PyTorch by {worst}")
    return worst


if __name__ == "__main__":
    main()
