#!/usr/bin/env python3
"""What a training beside it costs Verify: the p99 of one caller, without and with a training of the default network.

Prints it against its bar and writes JSON with --out. Exits with 1 when the bar is missed. Needs two quiet cores.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bars
import served

BAR = 3.0
PEOPLE = [("franck", served.FACES[:3]), ("cage", ["cage.jpg", "cage2_crop.jpg"]), ("audrey", ["audrey.jpg", "audrey_crop.jpg"])]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each (default: 3)")
    parser.add_argument("--seconds", type=float, default=10, metavar="N", help="of a turn (default: 10)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the JSON goes (default: nowhere)")
    arguments = parser.parse_args()
    likeness = str(arguments.bin / "likeness")
    with tempfile.TemporaryDirectory(prefix="likeness-beside-") as name:
        people = Path(name) / "people"
        for person, photos in PEOPLE:
            (people / person).mkdir(parents=True)
            for photo in photos:
                (people / person / photo).symlink_to(served.DEMO_PHOTOS / photo)
        with served.Server(arguments.bin, arguments.models, Path(name) / "server", "--workers=2") as server:
            def p99() -> float:
                return server.bench(served.faces(), "--concurrency=1", "--warm-up=1",
                                    f"--duration={arguments.seconds}")["ok"]["latency_ms"]["p99"]

            rounds = []
            for _ in range(arguments.rounds):
                idle = p99()
                begun = subprocess.run([likeness, "--server", server.address, "--json", "train", str(people), "--detach",
                                        "--epochs=10000", "--promotion=never", "--held-out-share=0"],
                                       capture_output=True, text=True, check=True)
                training = next(word for word in begun.stdout.replace('"', " ").replace(",", " ").split() if len(word) == 32)
                time.sleep(2)
                rounds.append({"idle": idle, "training": p99()})
                subprocess.run([likeness, "--server", server.address, "trainings", "cancel", training], check=True,
                               capture_output=True)
    ratio = statistics.median(figures["training"] / figures["idle"] for figures in rounds)
    for figures in rounds:
        print(f"  p99 of one caller: {figures['idle']:.1f} ms idle, {figures['training']:.1f} ms beside a training")
    found = [bars.at_most("p99 of Verify beside a training, of idle", ratio, BAR, "times")]
    bars.show(found)
    if arguments.out:
        bars.write(arguments.out, {"rounds": rounds, "bars": found})
    return 0 if all(bar["met"] for bar in found) else 1


if __name__ == "__main__":
    sys.exit(main())
