"""Readers of published weight files, and the way from a file's tensors into a module.

The readers list the weights in the order in which the file's graph computes with them. A module that declares its
layers in the order of its forward pass lists its parameters in the same order, so no table of names is needed.
"""

from typing import Sequence

import numpy as np
import torch
from torch import nn


def load_in_order(network: nn.Module, tensors: Sequence[np.ndarray], source: str) -> None:
    """Fills the network's state dict with the tensors, one by one; ValueError if count or any shape differs."""
    state = network.state_dict()
    if len(state) != len(tensors):
        raise ValueError(f"{source}: has {len(tensors)} weight tensors, the network {len(state)}")
    loaded = {}
    for (name, expected), tensor in zip(state.items(), tensors):
        if tuple(expected.shape) != tensor.shape:
            raise ValueError(f"{source}: {name} has shape {tensor.shape}, expected {tuple(expected.shape)}")
        if not np.isfinite(tensor).all():
            raise ValueError(f"{source}: {name} holds a value that is not finite")
        loaded[name] = torch.from_numpy(np.array(tensor, dtype=np.float32))
    network.load_state_dict(loaded, strict=True)
