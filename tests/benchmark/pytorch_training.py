#!/usr/bin/env python3
"""The article's training step in plain PyTorch, one thread: prints photos a second, forward and back. For att_faces.py."""

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402

from model import catalogue  # noqa: E402

MARGIN, PAIRS, STEPS = 2.0, 64, 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("people", type=Path, help="one folder of photos for each person")
    parser.add_argument("--leave-out", nargs="*", default=[], help="people not to train on")
    arguments = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    chooser = random.Random(1)
    photos = [[torch.from_numpy(numpy.asarray(Image.open(file).convert("L").resize((100, 100)), dtype="float32"))[None] / 255
               for file in sorted(person.iterdir()) if file.suffix == ".pgm"]
              for person in sorted(arguments.people.iterdir()) if person.name not in arguments.leave_out]
    network = catalogue.CATALOGUE["siamese-article"].make().train().requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-4)

    def step() -> None:
        first, second, different = [], [], []
        for number in range(PAIRS):
            person, other = chooser.sample(range(len(photos)), 2)
            a, b = chooser.sample(photos[person], 2) if number % 2 == 0 else (chooser.choice(photos[person]),
                                                                              chooser.choice(photos[other]))
            first.append(a)
            second.append(b)
            different.append(float(number % 2))
        embeddings = network(torch.cat([torch.stack(first), torch.stack(second)]))
        distance = (embeddings[:PAIRS] - embeddings[PAIRS:]).pow(2).sum(1).clamp_min(1e-12).sqrt()
        y = torch.tensor(different)
        loss = (0.5 * (1 - y) * distance.pow(2) + 0.5 * y * (MARGIN - distance).clamp_min(0).pow(2)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    step()
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    print(2 * PAIRS * STEPS / (time.perf_counter() - start))


if __name__ == "__main__":
    main()
