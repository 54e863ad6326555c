#!/usr/bin/env python3
"""Measures the operating points and the calibration of the bundles, and writes them into model/manifests.

    model/calibrate.py --bin build/release/bin --models build/models --images lfw-dev/images
    model/calibrate.py ... mobilefacenet-192

Runs a server on each bundle and `likeness calibrate` on the first of two parts of the people, which leaves the second one
to test on. Afterwards `make models` exports bundles that carry the measurements. docs/accuracy.md says what the photos are.
"""

import argparse
import contextlib
import json
import math
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any, Iterator

MANIFESTS = Path(__file__).resolve().parent / "manifests"
PART = "1/2"
BUNDLES = ["mobilefacenet-192", "mobilefacenet-512", "dlib-resnet-128", "mobilefacenet-dlib-320"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=BUNDLES, metavar="NAME", help=", ".join(BUNDLES))
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="one folder of photos for each person")
    parser.add_argument("--data", default="LFW View 1 test photos", metavar="TEXT", help="what the photos are")
    arguments = parser.parse_args()
    for name in arguments.names:
        source = f"{arguments.data}, people of part {PART}, all pairs, through this service's Embed, {date.today()}"
        measured = measure(arguments, name, source)
        manifest = json.loads((MANIFESTS / f"{name}.json").read_text())
        manifest.update({field: rounded(measured[field]) for field in ("operating_points", "calibration")})
        (MANIFESTS / f"{name}.json").write_text(layout(manifest))
        print(f"{name}: {len(manifest['operating_points'])} operating points, "
              f"{measured['failed_photos']} photos failed", flush=True)
    return 0


def measure(arguments: argparse.Namespace, name: str, source: str) -> dict:
    bundle = arguments.models / f"{name}.pt"
    with tempfile.TemporaryDirectory(prefix="likeness-calibrate-") as folder:
        with serving(arguments, bundle, Path(folder)) as address:
            done = subprocess.run(
                [arguments.bin / "likeness", "--server", address, "--json", "calibrate", "--images", arguments.images,
                 "--part", PART, "--model", bundle, "--out", Path(folder) / "out.pt", "--source", source],
                stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


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
        return {key: math.floor(entry * 1e4) / 1e4 if key == "distance" else rounded(entry) for key, entry in value.items()}
    return value


def layout(manifest: dict) -> str:
    """As JSON with a line for each field, and one for each operating point."""
    lines = []
    for field, value in manifest.items():
        if field == "operating_points" and value:
            points = ",\n".join("    " + json.dumps(point, ensure_ascii=False) for point in value)
            text = f"[\n{points}\n  ]"
        elif field == "provenance":
            text = json.dumps(value, ensure_ascii=False, indent=2).replace("\n", "\n  ")
        else:
            text = json.dumps(value, ensure_ascii=False)
        lines.append(f'  "{field}": {text}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
