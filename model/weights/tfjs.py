"""Reads the weights of a TensorFlow.js model: a JSON manifest beside binary shards, weights maybe quantised linearly."""

import json
from pathlib import Path
from typing import List

import numpy as np

# How a weight stands in the shards: by its own type, or by that of its quantisation.
_STORED = {"float32": "<f4", "uint8": "u1", "uint16": "<u2"}


def read_weights(manifest: Path) -> List[np.ndarray]:
    """The float32 weights in the order of the manifest; ValueError if the shards do not hold exactly these."""
    weights = []
    for group in json.loads(manifest.read_text()):
        content = b"".join((manifest.parent / shard).read_bytes() for shard in group["paths"])
        position = 0
        for weight in group["weights"]:
            quantisation = weight.get("quantization")
            stored = np.dtype(_STORED[(quantisation or weight)["dtype"]])
            count = int(np.prod(weight["shape"], dtype=np.int64))
            end = position + count * stored.itemsize
            if weight["dtype"] != "float32" or end > len(content):
                raise ValueError(f"{manifest.name}: {weight['name']} is no float32 tensor, or its shard is cut short")
            values = np.frombuffer(content, stored, count, position).astype(np.float32)
            if quantisation:
                values = values * np.float32(quantisation["scale"]) + np.float32(quantisation["min"])
            weights.append(values.reshape(weight["shape"]))
            position = end
        if position != len(content):
            raise ValueError(f"{manifest.name}: its shards hold {len(content) - position} bytes that it does not name")
    return weights
