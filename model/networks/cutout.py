"""What networks of other input than the server's crop cut out of it, inside TorchScript.

The server's crop `arcface192` (docs/bundle.md) is ArcFace's 112x112 crop magnified 1.5 times, with a margin of 12
pixels around it. That holds ArcFace's own crop, 168 pixels a side, and dlib's face chip, 140 pixels a side, each at
about the resolution that its network wants.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class Cutout(nn.Module):
    """[N, C, H, W] -> [N, C, side, side]: the square of span x span pixels at (left, top), resampled bilinearly."""

    def __init__(self, left: int, top: int, span: int, side: int) -> None:
        super().__init__()
        self.left, self.top, self.span, self.side = left, top, span, side

    def forward(self, crops: Tensor) -> Tensor:
        square = crops[:, :, self.top : self.top + self.span, self.left : self.left + self.span]
        return F.interpolate(square, size=[self.side, self.side], mode="bilinear", align_corners=False)


def arcface112() -> Cutout:
    """What the alignment arcface112 shows, very slightly softer, out of arcface192."""
    return Cutout(left=12, top=12, span=168, side=112)


def dlib_chip() -> Cutout:
    """dlib's face chip out of arcface192.

    dlib moves the landmarks of a face onto those of a mean face, padded by a quarter. The similarity that moves
    ArcFace's five points onto the same five of dlib's mean face would make a square of 154 pixels. 140 was the best of
    what was tried on LFW's View 1: the mean face is wider at the mouth than the landmarks that this project finds.
    """
    return Cutout(left=28, top=51, span=140, side=150)
