#!/usr/bin/env python3
"""Fits the linear layer behind a default network, and writes it into model/manifests.

    model/fit_head.py --bin build/release/bin --models build/models --data ../shared/data mobilefacenet-192

Trains by the server's own Train call, on the first of two parts of the people of each group that model/calibrate.py
measures, so that the second one is left to test on. The bundle is exported without the layer that its manifest may have,
and without the measurements, which do not hold for another layer: run model/export.py and model/calibrate.py afterwards.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from model import calibrate, catalogue  # noqa: E402
from model.bundle import save_bundle  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", metavar="NAME", help=", ".join(calibrate.BUNDLES))
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the face finder's bundle")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the photos")
    parser.add_argument("--part", default="1/2", metavar="K/N", help="the people to train on")
    parser.add_argument("--manifests", type=Path, default=calibrate.MANIFESTS, metavar="DIR",
                        help="where NAME.json is changed")
    parser.add_argument("--head", default="wccn", choices=["wccn", "lda", "mean"], help="what the layer does")
    arguments = parser.parse_args()
    for name in arguments.names:
        manifest = catalogue.manifest(name)
        provenance = manifest.pop("provenance")
        manifest.pop("head", None)
        manifest.update(operating_points=[], calibration=None, cohort=None, synthetic_people=None)
        head = fit(arguments, name, {**manifest, "provenance": provenance})
        manifest.update(head=head, provenance=provenance)
        (arguments.manifests / f"{name}.json").write_text(calibrate.layout(manifest))
    return 0


def fit(arguments: argparse.Namespace, name: str, plain: dict) -> dict:
    with tempfile.TemporaryDirectory(prefix="likeness-head-") as temporary:
        folder = Path(temporary)
        bundle = folder / "models" / f"{name}.pt"
        # A fresh process with a fixed order of sets makes the same bytes every time: see model/bundle.py.
        os.environ["PYTHONHASHSEED"] = "0"
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            process.submit(make_plain, name, bundle, plain).result()
        people = gather(arguments, folder / "people")
        with calibrate.serving(arguments, bundle, folder) as address:
            done = subprocess.run(
                [arguments.bin / "likeness", "--server", address, "--json", "train", people, "--method", "linear-head",
                 "--head", arguments.head, "--held-out-share", "0", "--promotion", "never", "--report",
                 folder / "report"], stdout=subprocess.PIPE, check=True, text=True)
        training = json.loads(done.stdout)
        result = training["result"]
        print(f"{name}: {training['data']['accepted_photos']} photos of {training['data']['people']} people, "
              f"{result['head']}", flush=True)
        trained = next(folder.rglob(f"{result['model']['digest']}.json"))
        return json.loads(trained.read_text())["manifest"]["head"]


def make_plain(name: str, path: Path, manifest: dict) -> None:
    save_bundle(catalogue.CATALOGUE[name].make(), path, manifest)


def gather(arguments: argparse.Namespace, folder: Path) -> Path:
    """Links to the photos of the part's people, those of one person in one folder whatever the group."""
    number, parts = (int(text) for text in arguments.part.split("/"))
    groups = calibrate.gather(arguments.data.resolve(), folder.with_name("groups"))
    for group, path in groups.items():
        for person in sorted(os.listdir(path)):
            # As `likeness eval --part` divides people.
            digest = hashlib.sha256(person.encode()).digest()
            if int.from_bytes(digest, "big") % parts + 1 != number:
                continue
            whose = "celebrity" if group in calibrate.CELEBRITIES else group
            place = folder / f"{whose}-{person}"
            place.mkdir(parents=True, exist_ok=True)
            for photo in sorted(os.listdir(path / person)):
                link = place / f"{group.replace('/', '-')}-{photo}"
                link.symlink_to((path / person / photo).resolve())
    return folder


if __name__ == "__main__":
    sys.exit(main())
