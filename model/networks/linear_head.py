"""A linear layer behind a network that makes embeddings of unit length (docs/bundle.md, the field `head`)."""

import base64
from typing import Any, Dict

import numpy as np
import torch
from torch import Tensor, nn

_LARGEST_UNIT = 32767


class WithHead(nn.Module):
    """y = M (x - mean), scaled to unit length, of what the network makes of a crop."""

    def __init__(self, network: nn.Module, head: Dict[str, Any]) -> None:
        super().__init__()
        self.network = network
        mean = np.array(head["mean"], np.float32)
        units = np.frombuffer(base64.b64decode(head["matrix"]), "<i2").reshape(len(mean), len(mean))
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("matrix", torch.from_numpy((units / _LARGEST_UNIT).astype(np.float32)))

    def forward(self, crops: Tensor) -> Tensor:
        rows = torch.matmul(self.network(crops) - self.mean, self.matrix.t())
        return rows / torch.norm(rows, 2, [1], True)
