#!/usr/bin/env python3
"""The original article's training through the Train call: AT&T faces, 37 people to train on, s5, s6 and s7 held out.

    tests/benchmark/att_faces.py --bin build/release/bin --models build/models --data DIR --seeds 1

Its settings by default: its network from scratch, grey 100x100, margin 2, Adam at 5e-4, 64 pairs a step, 100 epochs of 370
pairs. Every setting of `likeness train` can be given after `--` instead. Prints EER and AUC on the strangers for each seed,
and with --pytorch the steps a second of the same recipe in plain PyTorch, one thread, taking turns. Needs the database
(Olivetti Research Laboratory, Samaria and Harter 1994), a folder with `train` and `test`, which the project does not carry.
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

ARTICLE = ["--base-model=siamese-article", "--margin=2", "--epochs=100", "--pairs-per-epoch=370", "--batch-pairs=64",
           "--learning-rate=5e-4", "--optimizer=adam"]
STRANGERS = ["s5", "s6", "s7"]
ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the database: train/s1/*.pgm, test/s5/*.pgm")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="trainings, with seeds from 1; 0: none (default: 1)")
    parser.add_argument("--pytorch", action="store_true", help="also compare the speed with plain PyTorch")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the JSON goes (default: nowhere)")
    parser.add_argument("settings", nargs="*", metavar="SETTING", help="of `likeness train`, after --, instead of the article's")
    arguments = parser.parse_args()
    settings = arguments.settings or ARTICLE
    report: Dict[str, Any] = {"settings": settings, "trainings": []}
    with tempfile.TemporaryDirectory(prefix="likeness-att-") as name:
        folder = Path(name)
        people = gather(arguments.data, folder / "people")
        with served.Server(arguments.bin, arguments.models, folder / "server", "--log-level=warning") as server:
            print(f"  {'seed':>4} {'EER %':>7} {'AUC':>7} {'last loss':>10} {'genuine':>8} {'impostor':>9} {'seconds':>8}")
            for seed in range(1, arguments.seeds + 1):
                report["trainings"].append(train(arguments.bin, server, people, settings, seed))
        if arguments.pytorch:
            report["speed"] = compare_speed(arguments, people, folder)
    if arguments.out:
        bars.write(arguments.out, report)
    if arguments.seeds == 0:
        return 0
    eers = [training["equal_error_rate"] for training in report["trainings"]]
    aucs = [training["area_under_roc"] for training in report["trainings"]]
    print(f"  over {len(eers)} seeds: EER {100 * statistics.mean(eers):.2f} % ({100 * min(eers):.2f} to {100 * max(eers):.2f}), "
          f"AUC {statistics.mean(aucs):.4f} ({min(aucs):.4f} to {max(aucs):.4f})")
    return 0


def gather(data: Path, people: Path) -> Path:
    """One folder of links to all people's folders."""
    people.mkdir()
    folders = sorted(folder for part in ("train", "test") for folder in (data / part).iterdir() if folder.is_dir())
    if not folders:
        sys.exit(f"att_faces: there are no people in {data}")
    for folder in folders:
        (people / folder.name).symlink_to(folder.resolve())
    return people


def train(binaries: Path, server: served.Server, people: Path, settings: List[str], seed: int) -> Dict[str, Any]:
    start = time.monotonic()
    done = subprocess.run([str(binaries / "likeness"), "--server", server.address, "--json", "train", str(people),
                           "--promotion=never", f"--seed={seed}", f"--report={people.parent / 'report'}",
                           *[f"--held-out={stranger}" for stranger in STRANGERS], *settings],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"att_faces: likeness train failed: {done.stderr}")
    training = json.loads(done.stdout)
    after, last = training["after"], training["epochs"][-1]
    result = {"seed": seed, "equal_error_rate": after.get("equal_error_rate", after.get("equalErrorRate", 0)),
              "area_under_roc": after.get("area_under_roc", after.get("areaUnderRoc", 0)),
              "seconds": time.monotonic() - start, "training": training}
    print(f"  {seed:>4} {100 * result['equal_error_rate']:>7.2f} {result['area_under_roc']:>7.4f} {last.get('loss', 0):>10.4f} "
          f"{last.get('mean_genuine_distance', last.get('meanGenuineDistance', 0)):>8.3f} "
          f"{last.get('mean_impostor_distance', last.get('meanImpostorDistance', 0)):>9.3f} {result['seconds']:>8.0f}",
          flush=True)
    return result


def compare_speed(arguments: argparse.Namespace, people: Path, folder: Path) -> Dict[str, Any]:
    """Photos a second through the article's network, forward and back: this server's trainer and plain PyTorch, in turns."""
    ours: List[float] = []
    theirs: List[float] = []
    short = [setting for setting in ARTICLE if not setting.startswith("--epochs")] + ["--epochs=1"]
    for number in range(3):
        with served.Server(arguments.bin, arguments.models, folder / f"speed-{number}", "--log-level=warning") as server:
            epochs = train(arguments.bin, server, people, short, seed=1)["training"]["epochs"]
        ours.append(epochs[-1].get("photos_per_second", epochs[-1].get("photosPerSecond")))
        done = subprocess.run(["/usr/bin/python3", Path(__file__).with_name("pytorch_training.py"), str(people),
                               "--leave-out", *STRANGERS], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"att_faces: pytorch_training.py failed: {done.stderr}")
        theirs.append(float(done.stdout))
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs))
    print(f"  photos a second: {statistics.median(ours):.1f}, PyTorch {statistics.median(theirs):.1f}")
    speed = [bars.at_least("steps a second, of plain PyTorch's", ratio, 0.9, "times")]
    bars.show(speed)
    return {"ours": ours, "pytorch": theirs, "bars": speed}


if __name__ == "__main__":
    sys.exit(main())
