"""MobileFaceNet: a small network that maps an aligned 112x112 face to a point on the unit sphere.

Chen, Liu, Gao, Han: "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile
Devices" (CCBR 2018). Batch norm is folded into the convolutions' biases, as in the weights that are published.
The published trainings differ in three details, which are parameters of the class.
"""

from typing import List, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# (output channels, expanded channels, repeats, stride) of each group of inverted residuals. A group whose
# stride is 2 halves the picture: 56 -> 28 -> 14 -> 7.
STAGES = (
    (64, 128, 1, 2),
    (64, 128, 4, 1),
    (128, 256, 1, 2),
    (128, 256, 6, 1),
    (128, 512, 1, 2),
    (128, 256, 2, 1),
)


class TrailingPadConv2d(nn.Conv2d):
    """3x3, stride 2, padded as TensorFlow's SAME does on an even size: nothing in front, one pixel behind.

    It pads the kernel instead of the picture: a 4x4 kernel whose first row and column are zero sees the same pixels
    when one pixel is added on every side. Freezing turns that kernel into a constant, which saves a sixth of the whole
    network's time against padding every picture; training still sees nine weights.
    """

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        super().__init__(inputs, outputs, 3, stride=2, padding=1, groups=groups)

    def forward(self, input: Tensor) -> Tensor:
        kernel = F.pad(self.weight, (1, 0, 1, 0))
        return F.conv2d(input, kernel, self.bias, self.stride, self.padding, self.dilation, self.groups)


def convolution(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    stride: int = 1,
    depthwise: bool = False,
    linear: bool = False,
    valid: bool = False,
    trailing_pad: bool = False,
) -> List[nn.Module]:
    """The layers of one convolution: itself, and PReLU unless linear."""
    groups = inputs if depthwise else 1
    if stride == 2 and trailing_pad:
        layers: List[nn.Module] = [TrailingPadConv2d(inputs, outputs, groups)]
    else:
        padding = 0 if valid else kernel // 2
        layers = [nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)]
    if not linear:
        layers.append(nn.PReLU(outputs))
    return layers


class InvertedResidual(nn.Module):
    """Expand by a 1x1 convolution, filter by depthwise 3x3, project by a linear 1x1; add the input if shapes allow."""

    def __init__(self, inputs: int, outputs: int, expanded: int, stride: int, trailing_pad: bool) -> None:
        super().__init__()
        self.adds_input = stride == 1 and inputs == outputs
        self.layers = nn.Sequential(
            *convolution(inputs, expanded),
            *convolution(expanded, expanded, 3, stride, depthwise=True, trailing_pad=trailing_pad),
            *convolution(expanded, outputs, linear=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        return x + y if self.adds_input else y


class MobileFaceNet(nn.Module):
    """[N, 3, 112, 112] -> [N, head[-1]] of unit length.

    head: output sizes of the linear 1x1 convolutions behind the global depthwise one.
    stem_projection: a linear 1x1 64 -> 64 stands between the stem and the first inverted residual.
    trailing_pad: stride-2 convolutions pad as TensorFlow does instead of one pixel on every side.
    """

    def __init__(self, head: Sequence[int], stem_projection: bool, trailing_pad: bool) -> None:
        super().__init__()
        stem = convolution(3, 64, 3, stride=2, trailing_pad=trailing_pad)
        stem += convolution(64, 64, 3, depthwise=True)
        if stem_projection:
            stem += convolution(64, 64, linear=True)
        self.stem = nn.Sequential(*stem)

        blocks: List[nn.Module] = []
        channels = 64
        for outputs, expanded, repeats, stride in STAGES:
            for _ in range(repeats):
                blocks.append(InvertedResidual(channels, outputs, expanded, stride, trailing_pad))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)

        tail = convolution(channels, 512)
        tail += convolution(512, 512, 7, depthwise=True, linear=True, valid=True)
        channels = 512
        for outputs in head:
            tail += convolution(channels, outputs, linear=True)
            channels = outputs
        self.tail = nn.Sequential(*tail)

    def forward(self, faces: Tensor) -> Tensor:
        points = self.tail(self.blocks(self.stem(faces)))
        return F.normalize(torch.flatten(points, 1))


def mobilefacenet_192() -> MobileFaceNet:
    return MobileFaceNet(head=(512, 192), stem_projection=True, trailing_pad=True)


def mobilefacenet_512() -> MobileFaceNet:
    return MobileFaceNet(head=(512,), stem_projection=False, trailing_pad=False)
