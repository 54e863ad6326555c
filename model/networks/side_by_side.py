"""Networks on the server's larger crop: dlib's alone, and dlib's beside MobileFaceNet.

Two networks of different structure and training data err on different faces. Their unit embeddings, one behind the
other, make an embedding whose squared distances are the means of theirs.
"""

import math

import torch
from torch import Tensor, nn

from model.networks import cutout
from model.networks.dlib_resnet import CHIP_MEAN, CHIP_STD, DlibResNet
from model.networks.mobilefacenet import MobileFaceNet

# The input of the two: MobileFaceNet's own, (x - 127.5) / 128.
MEAN = 127.5
STD = 128.0


class DlibOnAlignedCrops(nn.Module):
    """[N, 3, 192, 192] RGB, (x - CHIP_MEAN) / CHIP_STD -> [N, 128] of unit length."""

    def __init__(self, network: DlibResNet) -> None:
        super().__init__()
        self.chip = cutout.dlib_chip()
        self.network = network

    def forward(self, crops: Tensor) -> Tensor:
        return self.network(self.chip(crops))


class SideBySide(nn.Module):
    """[N, 3, 192, 192] RGB, (x - MEAN) / STD -> [N, 192 + 128] of unit length."""

    def __init__(self, mobilefacenet: MobileFaceNet, dlib: DlibResNet) -> None:
        super().__init__()
        self.face = cutout.arcface112()
        self.chip = cutout.dlib_chip()
        self.mobilefacenet = mobilefacenet
        self.dlib = dlib
        # (x - CHIP_MEAN) / CHIP_STD from (x - MEAN) / STD.
        self.to_dlib_scale = STD / CHIP_STD
        self.register_buffer("to_dlib_shift", (MEAN - torch.tensor(CHIP_MEAN).view(1, 3, 1, 1)) / CHIP_STD)

    def forward(self, crops: Tensor) -> Tensor:
        chips = self.chip(crops) * self.to_dlib_scale + self.to_dlib_shift
        both = torch.cat((self.mobilefacenet(self.face(crops)), self.dlib(chips)), 1)
        return both / math.sqrt(2)
