#!/usr/bin/env python3
"""Makes model bundles from pinned, published weights.

    model/export.py --out build/models                     the default network and the face finder
    model/export.py --out build/models --all
    model/export.py --out build/models mobilefacenet-512

What is up to date is left alone. Needs Python 3.11, PyTorch, onnx, flatbuffers and NumPy, and npm for the first run.
"""

import argparse
import hashlib
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from model import catalogue  # noqa: E402
from model.bundle import save_bundle  # noqa: E402
from third_party.fetch import FetchError, fetch  # noqa: E402

DEFAULT = ("face-finder", "mobilefacenet-192")


def main() -> int:
    parser = argparse.ArgumentParser(description="Make model bundles from pinned, published weights.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(catalogue.CATALOGUE))
    parser.add_argument("--all", action="store_true", help="every bundle of the catalogue")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where NAME.pt goes")
    parser.add_argument("--force", action="store_true", help="also make what is up to date")
    arguments = parser.parse_args()

    names = list(catalogue.CATALOGUE) if arguments.all else arguments.names or DEFAULT
    for name in names:
        if name not in catalogue.CATALOGUE:
            parser.error(f"no bundle is called {name}; there are {', '.join(catalogue.CATALOGUE)}")

    failed = False
    for number, name in enumerate(names, 1):
        step = f"[{number}/{len(names)}] {name}"
        path = arguments.out / f"{name}.pt"
        if not arguments.force and _is_current(path, name):
            print(f"{step}: up to date", flush=True)
            continue
        print(f"{step}: exporting", flush=True)
        started = time.monotonic()
        try:
            digest = _export(name, path)
        except (FetchError, OSError, ValueError) as error:
            print(f"{step}: failed: {error}", file=sys.stderr, flush=True)
            failed = True
            continue
        megabytes = path.stat().st_size / 1e6
        print(f"{step}: {path}, {megabytes:.1f} MB, {digest}, {time.monotonic() - started:.1f} s", flush=True)
    return 1 if failed else 0


def _export(name: str, path: Path) -> str:
    for package in catalogue.CATALOGUE[name].packages:
        fetch(package)
    # A fresh process with a fixed order of sets makes the same bytes every time: see model/bundle.py.
    os.environ["PYTHONHASHSEED"] = "0"
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        digest = process.submit(_make, name, path).result()
    _stamp_file(path).write_text(_stamp(path, name))
    return digest


def _make(name: str, path: Path) -> str:
    return save_bundle(catalogue.network(name), path, catalogue.manifest(name))


def _is_current(path: Path, name: str) -> bool:
    stamp_file = _stamp_file(path)
    return path.is_file() and stamp_file.is_file() and stamp_file.read_text() == _stamp(path, name)


def _stamp_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.stamp")


def _stamp(path: Path, name: str) -> str:
    """Changes with the bundle, its manifest, the code that makes it, the pins and PyTorch's version."""
    digest = hashlib.sha256(torch.__version__.encode())
    sources = sorted(file for file in (ROOT / "model").rglob("*.py") if not {"tests", "examples"} & set(file.parts))
    sources += sorted((ROOT / "model" / "networks").glob("*.json"))
    sources += [ROOT / "model" / "manifests" / f"{name}.json", ROOT / "third_party" / "npm.json", path]
    for source in sources:
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
