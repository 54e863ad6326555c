"""Ultra-Light RFB-320: a one-shot face detector of 0.3 M parameters for 320x240 pictures.

A column of depthwise-separable blocks sees the picture at strides 8, 16, 32 and 64. At every cell of every stride,
two or three square anchors are scored and corrected. The receptive-field block (Liu, Huang, Wang: "Receptive Field
Block Net for Accurate and Fast Object Detection", ECCV 2018) widens the view of the finest level.
"""

import math
from typing import Final, List, Tuple

import torch
from torch import Tensor, nn

WIDTH, HEIGHT = 320, 240
STRIDES = (8, 16, 32, 64)
# Sides of the anchors of each stride, in pixels of the 320x240 picture.
ANCHOR_SIDES = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))


def anchors() -> Tensor:
    """[A, 4]: centre x, y and size w, h of every anchor in units of the picture; rows first, then columns."""
    boxes = []
    for stride, sides in zip(STRIDES, ANCHOR_SIDES):
        # Where the stride does not divide the height, the cells are spread evenly over it.
        rows, columns = math.ceil(HEIGHT / stride), math.ceil(WIDTH / stride)
        for row in range(rows):
            for column in range(columns):
                for side in sides:
                    boxes.append(((column + 0.5) / columns, (row + 0.5) / rows, side / WIDTH, side / HEIGHT))
    # The largest anchors are higher than the picture.
    return torch.tensor(boxes, dtype=torch.float64).clamp(0, 1).float()


def separable(inputs: int, outputs: int, stride: int = 1) -> List[nn.Module]:
    return [
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs),
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, 1),
        nn.ReLU(),
    ]


def head(channels: int, outputs: int) -> nn.Sequential:
    """Scores or corrections of one level: depthwise 3x3, ReLU, 1x1."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels), nn.ReLU(), nn.Conv2d(channels, outputs, 1)
    )


class ReceptiveField(nn.Module):
    """Three branches that look 2, 3 and 5 pixels far, joined and added to a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = channels // 8
        self.near = nn.Sequential(
            nn.Conv2d(channels, narrow, 1),
            nn.Conv2d(narrow, 2 * narrow, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * narrow, 2 * narrow, 3, padding=2, dilation=2),
        )
        self.middle = nn.Sequential(
            nn.Conv2d(channels, narrow, 1),
            nn.Conv2d(narrow, 2 * narrow, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * narrow, 2 * narrow, 3, padding=3, dilation=3),
        )
        self.far = nn.Sequential(
            nn.Conv2d(channels, narrow, 1),
            nn.Conv2d(narrow, 3 * narrow // 2, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(3 * narrow // 2, 2 * narrow, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * narrow, 2 * narrow, 3, padding=5, dilation=5),
        )
        self.join = nn.Conv2d(6 * narrow, channels, 1)
        self.shortcut = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        joined = self.join(torch.cat((self.near(x), self.middle(x), self.far(x)), 1))
        return torch.relu(joined + self.shortcut(x))


class Level(nn.Module):
    """The part of the column down to one stride, and the two heads that look at its features."""

    def __init__(self, body: List[nn.Module], scores: nn.Module, corrections: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        self.scores = scores
        self.corrections = corrections

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        x = self.body(x)
        scores = self.scores(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, 2)
        corrections = self.corrections(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, 4)
        return x, scores, corrections


class FaceDetector(nn.Module):
    """[N, 3, 240, 320] -> (scores [N, A], boxes [N, A, 4]): face probability; corners x1, y1, x2, y2 in 0...1."""

    anchors: Tensor
    # The corrections that the network predicts are in these units (SSD's variances).
    centre_unit: Final[float] = 0.1
    size_unit: Final[float] = 0.2

    def __init__(self) -> None:
        super().__init__()
        first = [nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU()]
        for inputs, outputs, stride in ((16, 32, 1), (32, 32, 2), (32, 32, 1), (32, 64, 2)):
            first += separable(inputs, outputs, stride)
        first += separable(64, 64) + separable(64, 64) + [ReceptiveField(64)]
        second = separable(64, 128, 2) + separable(128, 128) + separable(128, 128)
        third = separable(128, 256, 2) + separable(256, 256)
        fourth = [nn.Conv2d(256, 64, 1), nn.ReLU()] + separable(64, 256, 2)
        self.levels = nn.ModuleList(
            (
                Level(first, head(64, 3 * 2), head(64, 3 * 4)),
                Level(second, head(128, 2 * 2), head(128, 2 * 4)),
                Level(third, head(256, 2 * 2), head(256, 2 * 4)),
                Level(fourth, nn.Conv2d(256, 3 * 2, 3, padding=1), nn.Conv2d(256, 3 * 4, 3, padding=1)),
            )
        )
        # Follows from the picture's size: not a weight, so not in the state dict that weights are loaded into.
        self.register_buffer("anchors", anchors(), persistent=False)

    def forward(self, pictures: Tensor) -> Tuple[Tensor, Tensor]:
        scores: List[Tensor] = []
        corrections: List[Tensor] = []
        x = pictures
        for level in self.levels:
            x, level_scores, level_corrections = level(x)
            scores.append(level_scores)
            corrections.append(level_corrections)
        probability = torch.softmax(torch.cat(scores, 1), 2)[:, :, 1]
        offset = torch.cat(corrections, 1)
        centre = self.anchors[:, :2] + offset[:, :, :2] * self.centre_unit * self.anchors[:, 2:]
        half = 0.5 * self.anchors[:, 2:] * torch.exp(offset[:, :, 2:] * self.size_unit)
        return probability, torch.cat((centre - half, centre + half), 2)
