#!/usr/bin/env python3
"""Measures cohort, operating points and calibration of the bundles, and writes them into model/manifests.

    model/calibrate.py --bin build/release/bin --models build/models --data ../shared/data
    model/calibrate.py ... mobilefacenet-192

Runs a server on each bundle and `likeness calibrate` on the first of two parts of the people of each group, which leaves
the second one to test on (--part 2/2 makes it the other way round). Afterwards `make models` exports bundles that carry the
measurements. docs/accuracy.md says what the photos are.
"""

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any, Dict, Iterator, Set

MANIFESTS = Path(__file__).resolve().parent / "manifests"
BUNDLES = ["mobilefacenet-192", "mobilefacenet-512", "dlib-resnet-128", "mobilefacenet-dlib-320"]
# Groups of people, and where their photos are. Those whose names agree up to the slash show the same people.
GROUPS = {
    "lfw": "lfw-dev/images",
    "east-asian": "east-asian/clear",
    "ages/adult": "ages/adult",
    "ages/young": "ages/young",
    "poses": "poses/frontal",
}
# Some people are in both of these, under names that are spelled in another way.
CELEBRITIES = ["lfw", "ages/adult", "ages/young"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=BUNDLES, metavar="NAME", help=", ".join(BUNDLES))
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the photos")
    parser.add_argument("--part", default="1/2", metavar="K/N", help="the people to measure on")
    parser.add_argument("--manifests", type=Path, default=MANIFESTS, metavar="DIR", help="where NAME.json is changed")
    arguments = parser.parse_args()
    for name in arguments.names:
        source = f"people of part {arguments.part} of {', '.join(GROUPS.values())}, all pairs of a group, {date.today()}"
        with tempfile.TemporaryDirectory(prefix="likeness-calibrate-") as folder:
            measured = measure(arguments, name, source, Path(folder) / "calibrated.pt")
        manifest = json.loads((MANIFESTS / f"{name}.json").read_text())
        provenance = manifest.pop("provenance")
        manifest.update({field: rounded(measured[field]) for field in ("operating_points", "calibration", "cohort", "synthetic_people")})
        manifest["provenance"] = provenance
        (arguments.manifests / f"{name}.json").write_text(layout(manifest))
        print(f"{name}: {len(manifest['operating_points'])} operating points, {measured['failed_photos']} photos and "
              f"{measured['failed_copies']} of {measured['copies']} copies failed", flush=True)
    return 0


def measure(arguments: argparse.Namespace, name: str, source: str, out: Path) -> dict:
    """What `likeness calibrate` says of the bundle, which is at `out` with its measurements afterwards."""
    bundle = arguments.models / f"{name}.pt"
    with tempfile.TemporaryDirectory(prefix="likeness-calibrate-") as folder:
        groups = gather(arguments.data.resolve(), Path(folder) / "people")
        with serving(arguments, bundle, Path(folder)) as address:
            images = [f"--images={group}={path}" for group, path in groups.items()]
            done = subprocess.run(
                [arguments.bin / "likeness", "--server", address, "--json", "calibrate", *images,
                 "--part", arguments.part, "--model", bundle, "--out", out, "--source", source],
                stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def gather(data: Path, folder: Path) -> Dict[str, Path]:
    """A folder of links for each group, without people who could be in both parts under two names."""
    spelled: Dict[str, Set[str]] = {}
    for group in CELEBRITIES:
        for person in os.listdir(data / GROUPS[group]):
            spelled.setdefault(plain(person), set()).add(person)
    twice = {person for spellings in spelled.values() if len(spellings) > 1 for person in spellings}
    groups = {}
    for group, place in GROUPS.items():
        groups[group] = folder / group
        groups[group].mkdir(parents=True)
        for person in sorted(os.listdir(data / place)):
            if (data / place / person).is_dir() and not (group in CELEBRITIES and person in twice):
                (groups[group] / person).symlink_to(data / place / person)
    return groups


def plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).lower()
    return "".join(letter for letter in letters if letter.isascii() and letter.isalnum())


@contextlib.contextmanager
def serving(arguments: argparse.Namespace, bundle: Path, folder: Path) -> Iterator[str]:
    ready = folder / "ready.json"
    server = subprocess.Popen(
        [arguments.bin / "likeness-server", "--address=127.0.0.1:0", "--metrics-address=off", "--log-level=warning",
         f"--model={bundle}", f"--face-finder={arguments.models / 'face-finder.pt'}",
         # A rate that every bundle supports: the threshold does not matter here.
         "--target-fmr=0.5", f"--gallery=sqlite:{folder}/gallery.db", "--plaintext-gallery=true", f"--ready-file={ready}"])
    try:
        while not (ready.exists() and ready.read_text().endswith("\n")):
            if server.poll() is not None:
                sys.exit(f"calibrate: the server did not start on {bundle}")
            time.sleep(0.05)
        yield f"127.0.0.1:{json.loads(ready.read_text())['grpc_port']}"
    finally:
        server.terminate()
        server.wait()


def rounded(value: Any) -> Any:
    """Without digits that no measurement has; a distance downwards, so that its rate is kept."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    if isinstance(value, dict):
        exact = {"distance": lambda entry: math.floor(entry * 1e4) / 1e4, "cap": lambda entry: round(entry, 6)}
        return {key: exact.get(key, rounded)(entry) for key, entry in value.items()}
    return value


def layout(manifest: dict) -> str:
    """As JSON with a line for each field, and one for each operating point and group of synthetic people."""
    lines = []
    for field, value in manifest.items():
        if field == "operating_points" and value:
            points = ",\n".join("    " + json.dumps(point, ensure_ascii=False) for point in value)
            text = f"[\n{points}\n  ]"
        elif field == "synthetic_people" and value:
            groups = ",\n".join("    " + json.dumps(group, ensure_ascii=False) for group in value)
            text = f"[\n{groups}\n  ]"
        elif field in ("provenance", "cohort") and value:
            text = json.dumps(value, ensure_ascii=False, indent=2).replace("\n", "\n  ")
        else:
            text = json.dumps(value, ensure_ascii=False)
        lines.append(f'  "{field}": {text}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
