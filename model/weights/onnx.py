"""Reads the weights of an ONNX graph in the order in which it computes with them."""

from pathlib import Path
from typing import List

import numpy as np
import onnx
from onnx import numpy_helper


def read_weights(path: Path) -> List[np.ndarray]:
    """Kernels, biases and PReLU slopes in execution order. Slopes [C, 1, 1] come as [C]."""
    graph = onnx.load(str(path)).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    weights = []
    for node in graph.node:
        if node.op_type == "Conv":
            weights += [numpy_helper.to_array(constants[name]) for name in node.input[1:]]
        elif node.op_type == "PRelu":
            weights.append(numpy_helper.to_array(constants[node.input[1]]).reshape(-1))
    return weights


def read_constants(path: Path) -> List[np.ndarray]:
    """The values of the graph's Constant nodes in execution order."""
    graph = onnx.load(str(path)).graph
    return [
        numpy_helper.to_array(attribute.t)
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    ]
