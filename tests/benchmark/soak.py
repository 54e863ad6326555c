#!/usr/bin/env python3
"""Ten minutes under load with good and bad photos: memory and open files have to stay where they are.

The photos: faces, a picture without a face, one that is cut off, one that is no photo at all, and an empty one. Memory is
compared with what it was after the first minute. Prints a line a minute, writes JSON with --out, exits with 1 when a bar
is missed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List

import bars
import served

PERIOD = 2.0  # seconds between two looks
WINDOW = 15  # looks whose median is compared: what a single one catches depends on which photos are being decoded


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="how long, more than two (default: 10)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the JSON goes (default: nowhere)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="likeness-soak-") as name:
        folder = Path(name)
        with served.Server(arguments.bin, arguments.models, folder, "--log-level=error") as server:
            load = subprocess.Popen(
                server.command(photos(folder), "--method=verify", "--concurrency=6", "--connections=2", "--warm-up=0",
                               f"--duration={60 * arguments.minutes}"), stdout=subprocess.PIPE, text=True)
            looks = watch(server, load)
            calls = json.loads(load.communicate()[0])
            exit_code = server.stop()
    report = {"minutes": arguments.minutes, "looks": looks, "calls": calls["codes"], "bars": check(looks, exit_code)}
    for entry in calls["codes"]:
        print(f"  {entry['calls']:>7} {entry['code']} {entry['reason']}")
    bars.show(report["bars"])
    if arguments.out:
        bars.write(arguments.out, report)
    return 0 if all(bar["met"] for bar in report["bars"]) else 1


def photos(folder: Path) -> List[Path]:
    """Good ones and bad ones in turn. Verify has to enrol one first, so it begins with a face."""
    good = served.faces()
    contents = {
        "cut-off.jpg": good[0].read_bytes()[: good[0].stat().st_size // 2],
        "no-photo.jpg": b"this is no photo\n" * 100,
        "no-face.ppm": b"P6 320 240 255\n" + bytes(range(256)) * 900,
        "empty.jpg": b"",
    }
    bad = []
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        bad.append(folder / name)
    return [photo for index, face in enumerate(good) for photo in (face, bad[index % len(bad)])]


def watch(server: served.Server, load: "subprocess.Popen[str]") -> List[Dict[str, float]]:
    looks: List[Dict[str, float]] = []
    start = time.monotonic()
    while load.poll() is None:
        look = {"seconds": time.monotonic() - start, "resident_bytes": server.figure("process_resident_memory_bytes"),
                "open_files": server.figure("process_open_fds")}
        if int(look["seconds"] // 60) > int(looks[-1]["seconds"] // 60 if looks else -1):
            print(f"  minute {look['seconds'] / 60:>2.0f}: {look['resident_bytes'] / 1e6:.1f} MB, "
                  f"{look['open_files']:.0f} open files", flush=True)
        looks.append(look)
        time.sleep(PERIOD)
    return looks


def check(looks: List[Dict[str, float]], exit_code: int) -> List[bars.Bar]:
    settled = [look for look in looks if look["seconds"] >= 60]

    def windows(name: str) -> List[float]:
        values = [look[name] for look in settled]
        return [statistics.median(values[i:i + WINDOW]) for i in range(0, len(values) - WINDOW + 1, WINDOW)]

    memory, files = windows("resident_bytes"), windows("open_files")
    change = max(abs(value - memory[0]) for value in memory) / memory[0]
    return [
        bars.at_most("soak: memory's largest change after the first minute", 100 * change, 3, "%"),
        bars.at_most("soak: open files more than after the first minute", max(files) - files[0], 0, "files"),
        bars.at_most("soak: exit code of the server", exit_code, 0, ""),
    ]


if __name__ == "__main__":
    sys.exit(main())
