#!/usr/bin/env python3
"""Makes an ONNX file of half the size: weights, inputs and outputs in half precision, arithmetic in single.

    python3 models/export/halve.py fixtures/models/sam.encoder.onnx --out fixtures/models/sam-half.encoder.onnx
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    model = halved(onnx.load(str(arguments.network)))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(arguments.out))
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes, of {arguments.network.stat().st_size}")


def halved(model):
    graph = model.graph
    before, after = [], []
    weights = {weight.name for weight in graph.initializer}
    for weight in graph.initializer:
        if weight.data_type == TensorProto.FLOAT:
            numbers, name = numpy_helper.to_array(weight), weight.name
            weight.CopyFrom(numpy_helper.from_array(numbers.clip(-65504, 65504).astype(np.float16), name + "_half"))
            before.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    for port in graph.input:
        if port.name not in weights and port.type.tensor_type.elem_type == TensorProto.FLOAT:
            renamed(graph, port.name, port.name + "_single")
            port.type.tensor_type.elem_type = TensorProto.FLOAT16
            before.append(helper.make_node("Cast", [port.name], [port.name + "_single"], to=TensorProto.FLOAT))
    for port in graph.output:
        if port.type.tensor_type.elem_type == TensorProto.FLOAT:
            renamed(graph, port.name, port.name + "_single")
            port.type.tensor_type.elem_type = TensorProto.FLOAT16
            after.append(helper.make_node("Cast", [port.name + "_single"], [port.name], to=TensorProto.FLOAT16))
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    return model


def renamed(graph, old, new):
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]


if __name__ == "__main__":
    main()
