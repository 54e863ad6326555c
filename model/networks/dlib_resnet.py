"""dlib's face ResNet: 29 convolutions that map a 150x150 face chip to a point in 128 dimensions.

King: "High Quality Face Recognition with Deep Metric Learning" (dlib.net blog, 2017), after He, Zhang, Ren, Sun: "Deep
Residual Learning for Image Recognition" (CVPR 2016). Each convolution's affine layer, which at training time was batch
norm, is folded into its kernel and bias.
"""

from typing import List

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHIP_SIDE = 150
# What dlib subtracts from and divides RGB values 0...255 by.
CHIP_MEAN = (122.782, 117.001, 104.298)
CHIP_STD = 256.0

# (channels, residual blocks, whether the first of them halves the picture): 35 -> 17 -> 8 -> 4 -> 2 pixels a side.
STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the identity; or, halving, beside a 2x2 average with zeros for the new channels."""

    def __init__(self, inputs: int, outputs: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.new_channels = outputs - inputs
        first = nn.Conv2d(inputs, outputs, 3, stride=2) if halves else nn.Conv2d(inputs, outputs, 3, padding=1)
        self.layers = nn.Sequential(first, nn.ReLU(), nn.Conv2d(outputs, outputs, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        if self.halves:
            x = F.avg_pool2d(x, 2)
            # On an even size the convolution, which adds no border, comes out a row and a column smaller.
            y = F.pad(y, (0, x.size(3) - y.size(3), 0, x.size(2) - y.size(2)))
            x = F.pad(x, (0, 0, 0, 0, 0, self.new_channels))
        return F.relu(x + y)


class DlibResNet(nn.Module):
    """[N, 3, 150, 150] RGB, (x - CHIP_MEAN) / CHIP_STD -> [N, 128] of unit length.

    dlib itself leaves the length as it is, about 1.4 for every face; scaling to 1 changes no measured accuracy and
    gives distances the same range as those of the other networks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 7, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2))
        blocks: List[nn.Module] = []
        channels = 32
        for outputs, count, halves in STAGES:
            for index in range(count):
                blocks.append(ResidualBlock(channels, outputs, halves and index == 0))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.embedding = nn.Linear(channels, 128, bias=False)

    def forward(self, chips: Tensor) -> Tensor:
        features = self.blocks(self.stem(chips))
        return F.normalize(self.embedding(torch.flatten(F.adaptive_avg_pool2d(features, 1), 1)))
