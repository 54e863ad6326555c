#!/usr/bin/env python3
"""Example: teaching the default network a camera that sees little.

Takes the people of a folder with several photos each, shrinks every face to 24x24 pixels and back, fits a linear layer behind
the default network to half of the people, and measures it on the shrunken photos of the other half, whom it has never seen. Then looks
whether it still tells the original photos apart. docs/training.md explains the example and has its figures.

    examples/small_faces.py --bin build/release/bin --models build/models --images lfw/images --pairs lfw/pairsDevTest.txt

The photos: one folder for each person, as in Labeled Faces in the Wild. Needs Pillow.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, Optional

from PIL import Image

FACE_PIXELS = 24
TRAINED_ON_PIXELS = [20, 24, 28]  # the camera's faces and a little around them: more pictures of few people
SETTINGS = ["--method=linear-head"]


class Likeness:
    """A server on an empty gallery in a temporary folder, and the command line against it."""

    def __init__(self, binaries: Path, models: Path, folder: Path) -> None:
        self._command = binaries / "likeness"
        ready = folder / "ready.json"
        with (folder / "server.log").open("w") as log:
            self._server = subprocess.Popen(
                [binaries / "likeness-server", "--address=127.0.0.1:0", "--metrics-address=off", "--log-level=warning",
                 f"--model={models / 'mobilefacenet-192.pt'}", f"--face-finder={models / 'face-finder.pt'}",
                 f"--gallery=sqlite:{folder}/gallery.db", "--plaintext-gallery=true",
                 f"--ready-file={ready}"], stderr=log)
        while not (ready.exists() and ready.read_text().endswith("\n")):
            if self._server.poll() is not None:
                sys.exit(f"small_faces: the server did not start:\n{(folder / 'server.log').read_text()}")
            time.sleep(0.05)
        self._address = f"127.0.0.1:{json.loads(ready.read_text())['grpc_port']}"

    def call(self, *arguments: Any, may_fail: bool = False) -> Optional[Dict[str, Any]]:
        done = subprocess.run([str(self._command), "--server", self._address, "--json", *map(str, arguments)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE if may_fail else None, text=True)
        if done.returncode != 0:
            if may_fail:
                return None
            sys.exit(f"small_faces: likeness {arguments[0]} failed with code {done.returncode}")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def stop(self) -> None:
        self._server.terminate()
        self._server.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="one folder of photos for each person")
    parser.add_argument("--pairs", type=Path, required=True, metavar="FILE", help="pairs of original photos, as LFW's")
    parser.add_argument("--report", type=Path, default=Path("small-faces-report"), metavar="DIR", help="where the report goes")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which half is trained on (default: 1)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="likeness-small-faces-") as name:
        folder = Path(name)
        likeness = Likeness(arguments.bin, arguments.models, folder)
        try:
            return example(likeness, arguments, folder)
        finally:
            likeness.stop()


def example(likeness: Likeness, arguments: argparse.Namespace, folder: Path) -> int:
    people = sorted(person for person in arguments.images.iterdir() if len(list(person.glob("*.jpg"))) >= 2)
    random.Random(arguments.seed).shuffle(people)
    strangers = people[len(people) // 2:]
    print(f"{len(people)} people with several photos; {len(strangers)} of them are never trained on", flush=True)
    training_folder = folder / "photos"
    with ThreadPoolExecutor(2) as pool:
        photos = [(photo, training_folder / person.name, person in strangers)
                  for person in people for photo in sorted(person.glob("*.jpg"))]
        left_out = sum(pool.map(lambda entry: not prepare(likeness, *entry), photos))
    print(f"{len(photos)} photos, {left_out} without a face that could be found", flush=True)

    before = likeness.call("eval", "--images", arguments.images, "--pairs", arguments.pairs)
    training = likeness.call("train", training_folder, "--name=small-faces", "--promotion=never", f"--seed={arguments.seed}",
                             f"--report={arguments.report}", *SETTINGS,
                             *[f"--held-out={person.name}" for person in strangers])
    if "model" not in training["result"]:
        sys.exit(f"small_faces: {training['result']['promotion_reason']}")
    # Also where the strangers are too few for the server's rate: `eval` measures at rates of its own.
    likeness.call("models", "activate", training["result"]["model"]["digest"], "--unmeasured")
    after = likeness.call("eval", "--images", arguments.images, "--pairs", arguments.pairs)
    return show(training, before, after)


def prepare(likeness: Likeness, photo: Path, target: Path, stranger: bool) -> bool:
    """The central face as it is and shrunken to several sizes; a stranger's only to the camera's. False: no face found."""
    found = likeness.call("embed", photo, "--face=central", may_fail=True)
    if found is None:
        return False
    box = found["face"]["box"]
    side = (box["width"] * box["height"]) ** 0.5
    middle_x, middle_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    crop = Image.open(photo).convert("RGB").crop((round(middle_x - side), round(middle_y - side),
                                                  round(middle_x + side), round(middle_y + side)))
    target.mkdir(parents=True, exist_ok=True)
    if not stranger:
        crop.save(target / f"{photo.stem}.png")
    for pixels in [FACE_PIXELS] if stranger else TRAINED_ON_PIXELS:
        small = crop.resize((2 * pixels, 2 * pixels), Image.BOX)  # the crop is two faces wide
        small.resize(crop.size, Image.BICUBIC).save(target / f"{photo.stem}-{pixels}.png")
    return True


def show(training: Dict[str, Any], before: Dict[str, Any], after: Dict[str, Any]) -> int:
    def fnmr(evaluation: Dict[str, Any]) -> float:
        return next(rates.get("false_non_match_rate", 0.0) for rates in evaluation["rates"]
                    if rates["target_false_match_rate"] == 0.01)

    def accuracy(evaluation: Dict[str, Any]) -> float:
        return 100 * evaluation["accuracy"]["best"]["accuracy"]

    missed = [fnmr(training["before"]), fnmr(training["after"])]
    right = [accuracy(before), accuracy(after)]
    fall = 100 * (1 - missed[1] / missed[0])
    print(f"\n{'':<44}{'before':>9}{'after':>9}")
    print(f"{'strangers, shrunken: FNMR at FMR 1e-2, %':<44}{100 * missed[0]:>9.2f}{100 * missed[1]:>9.2f}   {fall:.0f} % fewer")
    print(f"{'strangers, shrunken: EER, %':<44}{100 * training['before'].get('equal_error_rate', 0):>9.2f}"
          f"{100 * training['after'].get('equal_error_rate', 0):>9.2f}")
    print(f"{'original pairs: accuracy, %':<44}{right[0]:>9.2f}{right[1]:>9.2f}")
    good = fall >= 20 and round(right[0] - right[1], 6) <= 0.3
    print("met" if good else "MISSED", ": at least 20 % fewer, at most 0.3 points lost", sep="")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
