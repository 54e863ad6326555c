#!/usr/bin/env python3
"""How much more two workers do than one: Verify calls a second, two real servers taking turns.

Needs two cores that do nothing else; the load generator shares them. Prints the ratio against its bar and writes JSON
with --out. Exits with 1 when the bar is missed.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import bars
import served

BAR = 1.8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="turns of each server (default: 7)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the JSON goes (default: nowhere)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="likeness-scaling-") as name:
        folder = Path(name)
        with served.Server(arguments.bin, arguments.models, folder / "one", "--workers=1") as one, \
                served.Server(arguments.bin, arguments.models, folder / "two", "--workers=2") as two:
            def per_second(server: served.Server) -> float:
                return server.bench(served.faces(), "--concurrency=6", "--warm-up=0.5",
                                    "--duration=2.5")["goodput_per_second"]

            rounds = [{"one": per_second(one), "two": per_second(two)} for _ in range(arguments.rounds)]
    ratios = [figures["two"] / figures["one"] for figures in rounds]
    print(f"  one worker {statistics.median(f['one'] for f in rounds):.1f} calls a second, two "
          f"{statistics.median(f['two'] for f in rounds):.1f}; ratio {min(ratios):.2f} / {statistics.median(ratios):.2f} / "
          f"{max(ratios):.2f} (min / median / max)")
    report = {"rounds": rounds,
              "bars": [bars.at_least("throughput of two workers, of one", statistics.median(ratios), BAR, "times")]}
    bars.show(report["bars"])
    if arguments.out:
        bars.write(arguments.out, report)
    return 0 if all(bar["met"] for bar in report["bars"]) else 1


if __name__ == "__main__":
    sys.exit(main())
