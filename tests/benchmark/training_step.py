#!/usr/bin/env python3
"""A training step with the defaults: in parts, as the trainer takes it, against the same step as one batch.

    tests/benchmark/training_step.py --bin build/release/bin --models build/models

64 pairs through mobilefacenet-192, on one thread, the two ways taking turns in processes of their own. Prints processor time
and the largest memory of each against their bars, and writes JSON with --out. Exits with 1 when a bar is missed.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import bars

PAIRS = 64


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each (default: 3)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the JSON goes (default: nowhere)")
    arguments = parser.parse_args()

    def measure(*options: Any) -> Dict[str, Any]:
        done = subprocess.run([str(arguments.bin / "training_step_benchmark"), "--model",
                               str(arguments.models / "mobilefacenet-192.pt"), *map(str, options)],
                              stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"training_step: training_step_benchmark failed with code {done.returncode}")
        return json.loads(done.stdout)

    rounds = []
    for _ in range(arguments.rounds):
        rounds.append({"parts": measure("--pairs", PAIRS, "--steps", 2),
                       "batch": measure("--pairs", PAIRS, "--steps", 1, "--faces-at-once", 2 * PAIRS)})
        for name, figures in rounds[-1].items():
            print(f"  {name:<6} {figures['processor_seconds_per_step']:>6.1f} s of processor time a step, "
                  f"{figures['peak_bytes'] / 1e9:.2f} GB", flush=True)
    largest = measure("--pairs", 1024)
    print(f"  parts, 1024 pairs: {largest['processor_seconds_per_step']:.1f} s, {largest['peak_bytes'] / 1e9:.2f} GB")
    ratio = statistics.median(turn["batch"]["processor_seconds_per_step"] / turn["parts"]["processor_seconds_per_step"]
                              for turn in rounds)
    found = [
        bars.at_least("a training step in parts, speed against one batch", ratio, 6, "times"),
        bars.at_most("its memory beside the process, 64 pairs", max(turn["parts"]["peak_bytes"] for turn in rounds) / 1e9,
                     1, "GB"),
        bars.at_most("its memory beside the process, 1024 pairs", largest["peak_bytes"] / 1e9, 1, "GB"),
    ]
    bars.show(found)
    if arguments.out:
        bars.write(arguments.out, {"rounds": rounds, "largest": largest, "bars": found})
    return 0 if all(bar["met"] for bar in found) else 1


if __name__ == "__main__":
    sys.exit(main())
