"""The small Siamese network that learns from scratch on one grey 100x100 photo per person and pose.

Three 3x3 convolutions with reflected borders, each followed by ReLU and batch norm, and three dense layers. The
shape follows the well-known tutorial network for Siamese learning on the AT&T faces.
"""

from torch import Tensor, nn


class SiameseNetwork(nn.Module):
    """[N, 1, 100, 100] -> [N, 5]; distances are Euclidean, of no fixed scale."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, padding_mode="reflect"),
            nn.ReLU(),
            nn.BatchNorm2d(4),
            nn.Conv2d(4, 8, 3, padding=1, padding_mode="reflect"),
            nn.ReLU(),
            nn.BatchNorm2d(8),
            nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"),
            nn.ReLU(),
            nn.BatchNorm2d(8),
        )
        self.embedding = nn.Sequential(
            nn.Flatten(),
            nn.Linear(8 * 100 * 100, 500),
            nn.ReLU(),
            nn.Linear(500, 500),
            nn.ReLU(),
            nn.Linear(500, 5),
        )

    def forward(self, photos: Tensor) -> Tensor:
        return self.embedding(self.features(photos))
