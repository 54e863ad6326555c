#!/usr/bin/env python3
"""Writes the default network as ONNX, for engines to compare with: the weights of the bundle, subnormals zeroed too.

    tests/benchmark/export_onnx.py build/bench/mobilefacenet-192.onnx

Needs what model/export.py needs.
"""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import onnx  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

from model import catalogue  # noqa: E402
from model.bundle import SMALLEST_WEIGHT  # noqa: E402
from model.networks.mobilefacenet import TrailingPadConv2d  # noqa: E402


def main() -> None:
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    network = catalogue.CATALOGUE["mobilefacenet-192"].make().eval().requires_grad_(False)
    for weights in network.parameters():
        weights[weights.abs() < SMALLEST_WEIGHT] = 0
    # The network pads its kernels, which suits LibTorch. ONNX can say what it means: 3x3, padded on one side.
    trailing = {name for name, module in network.named_modules() if isinstance(module, TrailingPadConv2d)}
    for name in trailing:
        network.get_submodule(name).__class__ = nn.Conv2d
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, torch.zeros(1, 3, 112, 112), str(path), opset_version=13, input_names=["faces"],
                          output_names=["embeddings"], dynamic_axes={"faces": {0: "n"}, "embeddings": {0: "n"}})
    model = onnx.load(str(path))
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[1].removesuffix(".weight") in trailing:
            trailing.remove(node.input[1].removesuffix(".weight"))
            next(attribute for attribute in node.attribute if attribute.name == "pads").ints[:] = [0, 0, 1, 1]
    if trailing:
        sys.exit(f"export_onnx: these convolutions are missing from the graph: {sorted(trailing)}")
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


if __name__ == "__main__":
    main()
