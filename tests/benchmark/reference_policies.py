#!/usr/bin/env python3
"""Which of a person's references should decide? Compares three answers with 1, 2 and 5 references a person.

    likeness eval --images lfw-dev/images --distances distances.tsv
    tests/benchmark/reference_policies.py distances.tsv --threshold 1.0331

nearest: the smallest distance between the probe and a reference. mean embedding: the distance to the references' mean,
scaled to unit length. mean distance: the mean of the distances. Prints, over many random choices of references, the false
non-match rate at a false match rate of 0.001 (each answer at a threshold of its own), and both error rates at the threshold
that was measured on single pairs: what a server that knows no other one would do. Embeddings must have unit length.
Distances are normalized where the file has them so; how crowded the place of the references' mean is, is then taken to be what
it is for the references on average.
"""

import argparse
import random
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

COUNTS = (1, 2, 5)
ROUNDS = 20
POLICIES = ("nearest", "mean embedding", "mean distance")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("distances", type=Path, help="of all pairs, as likeness eval --distances writes them")
    parser.add_argument("--threshold", type=float, required=True, help="measured on single pairs")
    arguments = parser.parse_args()
    people, distances = read(arguments.distances)
    print(f"{'references':<12}{'people':<8}{'answer':<17}{'FNMR at FMR 1e-3':>18}{'threshold':>11}"
          f"{'FMR':>9}{'FNMR':>8}  at {arguments.threshold}")
    for count in COUNTS:
        chosen = [photos for photos in people if len(photos) > count]
        genuine = {policy: [] for policy in POLICIES}
        impostor = {policy: [] for policy in POLICIES}
        for number in range(ROUNDS):
            measure(people, chosen, distances, count, random.Random(number), genuine, impostor)
        for policy in POLICIES:
            show(count, len(chosen), policy, np.concatenate(genuine[policy]), np.concatenate(impostor[policy]),
                 arguments.threshold)
    return 0


def read(path: Path):
    """The photos' numbers by person; of every pair the distance, and what normalization adds to it."""
    numbers, people, rows = {}, defaultdict(list), []
    with path.open() as lines:
        columns = next(lines).rstrip("\n").split("\t")
        normalized = columns.index("normalized_distance" if "normalized_distance" in columns else "distance")
        for line in lines:
            fields = line.rstrip("\n").split("\t")
            for photo in fields[:2]:
                if photo not in numbers:
                    numbers[photo] = len(numbers)
                    people[photo.split("/")[0]].append(numbers[photo])
            distance = float(fields[3])
            added = float(fields[normalized]) - distance if np.isfinite(distance) else 0
            rows.append((numbers[fields[0]], numbers[fields[1]], distance, added))
    distances, additions = np.zeros((2, len(numbers), len(numbers)))
    for a, b, distance, added in rows:
        distances[a, b] = distances[b, a] = abs(distance)  # a failed photo lies infinitely far from all
        additions[a, b] = additions[b, a] = added
    return list(people.values()), (distances, additions)


def measure(people, chosen, distances, count, choose, genuine, impostor) -> None:
    everybody = np.concatenate([np.array(photos) for photos in people])
    for photos in chosen:
        references = np.array(choose.sample(photos, count))
        probes = np.array([photo for photo in photos if photo not in references])
        others = everybody[~np.isin(everybody, photos)]
        for policy in POLICIES:
            genuine[policy].append(decide(policy, distances, probes, references))
            impostor[policy].append(decide(policy, distances, others, references))


def decide(policy: str, distances, probes, references):
    plain, additions = distances
    to_references = plain[np.ix_(probes, references)]
    added = additions[np.ix_(probes, references)]
    if policy == "nearest":
        return (to_references + added).min(axis=1)
    if policy == "mean distance":
        return (to_references + added).mean(axis=1)
    # Of unit vectors: the product is 1 - d²/2, and the mean's own length follows from the references' products.
    among = 1 - plain[np.ix_(references, references)] ** 2 / 2
    length = np.sqrt(among.mean())
    product = (1 - to_references ** 2 / 2).mean(axis=1) / length
    return np.sqrt(np.maximum(0, 2 - 2 * product)) + added.mean(axis=1)


def show(count, people, policy, genuine, impostor, threshold) -> None:
    own = np.quantile(impostor, 1e-3)
    print(f"{count:<12}{people:<8}{policy:<17}{100 * np.mean(genuine > own):>16.2f} %{own:>11.4f}"
          f"{100 * np.mean(impostor <= threshold):>7.3f} %{100 * np.mean(genuine > threshold):>6.2f} %")


if __name__ == "__main__":
    sys.exit(main())
