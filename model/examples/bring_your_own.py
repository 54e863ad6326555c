#!/usr/bin/env python3
"""Turns an embedding network of your own into a model bundle. Run me from the repository's root:

    PYTHONPATH=. python3 model/examples/bring_your_own.py my-network.pt

Any torch.nn.Module will do that torch.jit.script understands (or that torch.jit.trace has traced), and that takes
float32 [N, C, H, W] and returns float32 [N, size], row by row. docs/bundle.md explains the fields.
"""

import sys
from pathlib import Path

from torch import nn

from model.bundle import save_bundle

# Yours here: this one has never seen a face.
network = nn.Sequential(nn.Conv2d(3, 8, 7, 4), nn.PReLU(8), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 64))

manifest = {
    "format": 1,
    "kind": "embedding",
    "name": "my-network",
    "version": "0.1.0",
    "input": {"width": 112, "height": 112, "color": "RGB", "mean": [127.5] * 3, "std": [127.5] * 3},
    "alignment": "arcface112",
    "embedding": {"size": 64, "unit_length": False},
    "margin": 2.0,
    "operating_points": [],
    "calibration": None,
    "provenance": {"source": "random weights: an example", "license": "Apache-2.0"},
}

print(save_bundle(network, Path(sys.argv[1]), manifest))
