#!/usr/bin/env python3
"""What a linear layer does that is taught on one population: trained on half of its people, measured on the other half.

    tests/benchmark/adapted_layer.py --bin build/release/bin --models build/models --people east-asian/clear --others lfw-dev/images

Three random halves. Each time the default training (likeness train, a linear layer) learns from the one half, is made the active
model, whatever the promotion rule says of it, and measured with `likeness eval` on the other half and on the others: false
non-match rate at the group's own false match rates of 1e-2 and 1e-3, and both rates at the threshold that decides.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from served import Server


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--people", type=Path, required=True, metavar="DIR", help="a folder for each person")
    parser.add_argument("--others", type=Path, required=True, metavar="DIR", help="a folder for each of other people")
    parser.add_argument("--halves", type=int, default=3, metavar="N")
    arguments = parser.parse_args()
    for half in range(1, arguments.halves + 1):
        with tempfile.TemporaryDirectory(prefix="likeness-layer-") as temporary:
            folder = Path(temporary)
            names = sorted(os.listdir(arguments.people))
            random.Random(half).shuffle(names)
            taught = link(arguments.people, names[:len(names) // 2], folder / "taught")
            tested = link(arguments.people, names[len(names) // 2:], folder / "tested")
            with Server(arguments.bin, arguments.models, folder / "server") as server:
                run = Run(arguments.bin / "likeness", server.address)
                before = run.measure(tested, arguments.others.resolve())
                result = run.json("train", taught, "--promotion", "never", "--report", folder / "report")["result"]
                if "model" not in result:
                    print(f"half {half}: {result['promotion_reason']}", flush=True)
                    continue
                run.json("models", "activate", result["model"]["digest"])
                after = run.measure(tested, arguments.others.resolve())
        show(half, before, after)
    return 0


class Run:
    def __init__(self, program: Path, server: str) -> None:
        self.command = [program, "--server", server, "--json"]

    def json(self, *arguments) -> dict:
        done = subprocess.run([*self.command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                              text=True)
        return json.loads(done.stdout.splitlines()[-1] if arguments[0] == "models" else done.stdout)

    def measure(self, people: Path, others: Path) -> dict:
        report = self.json("eval", "--images", f"people={people}", "--images", f"others={others}")
        return {group["name"]: group for group in report["groups"]}


def link(source: Path, names, folder: Path) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to((source / name).resolve())
    return folder


def show(half: int, before: dict, after: dict) -> None:
    for group in before:
        line = f"half {half}  {group:<8}"
        for rate in (0.01, 0.001):
            pair = [next(t["fnmr"]["value"] for t in figures[group]["fnmr_at_fmr"] if t["target_fmr"] == rate)
                    for figures in (before, after)]
            line += f" FNMR at FMR {rate:g}: {100 * pair[0]:5.1f} -> {100 * pair[1]:5.1f} % ({100 * (pair[1] / pair[0] - 1):+.0f} %)"
        at = [figures[group]["at_server_threshold"] for figures in (before, after)]
        line += f"  at the threshold: FMR {at[0]['fmr']['value']:.5f} -> {at[1]['fmr']['value']:.5f}"
        line += f" FNMR {100 * at[0]['fnmr']['value']:.1f} -> {100 * at[1]['fnmr']['value']:.1f} %"
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
