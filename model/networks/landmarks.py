"""MTCNN's output network: five landmarks, a better box and a second opinion for one face in a square crop.

What it sees of a crop, the 256 numbers before its outputs, also tells whether a face stands upright in it, and whether it
is one: better than its own probability, which calls half of the faces that stand on their head a face, and some dogs.
One more output, linear in those numbers and trained by this project, says so (model/MODEL_CARD.md).

Zhang, Zhang, Li, Qiao: "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks"
(IEEE Signal Processing Letters 23, 2016).
"""

from typing import Tuple

import torch
from torch import Tensor, nn


class LandmarkNetwork(nn.Module):
    """[N, 3, 48, 48] -> (probability [N], box [N, 4], points [N, 5, 2], upright [N]).

    box: what to add to x1, y1, x2, y2 of the square, in sides of the square. points: x, y in sides of the square from
    its upper left corner; left eye, right eye, nose, left and right mouth corner as seen in the picture. upright: the
    log-odds of a face that stands upright, against one that does not and against things.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 3),
            nn.PReLU(32),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(32, 64, 3),
            nn.PReLU(64),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 64, 3),
            nn.PReLU(64),
            nn.MaxPool2d(2, 2),
            nn.Conv2d(64, 128, 2),
            nn.PReLU(128),
            nn.Flatten(),
            nn.Linear(3 * 3 * 128, 256),
            nn.PReLU(256),
        )
        self.face = nn.Linear(256, 2)
        self.box = nn.Linear(256, 4)
        self.points = nn.Linear(256, 10)
        self.upright = nn.Linear(256, 1)

    def forward(self, crops: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.features(crops)
        probability = torch.softmax(self.face(x), 1)[:, 1]
        # The network lists five x, then five y.
        points = self.points(x).reshape(-1, 2, 5).permute(0, 2, 1)
        return probability, self.box(x), points.contiguous(), self.upright(x)[:, 0]


class FaceFinder(nn.Module):
    """Holds the two networks that find faces. The cutting and scaling between them is the caller's."""

    def __init__(self, detector: nn.Module, landmarks: nn.Module) -> None:
        super().__init__()
        self.detector = detector
        self.landmarks = landmarks
