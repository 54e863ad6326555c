#!/usr/bin/env python3
"""The server's embedder against plain batched PyTorch on the same device, taking turns: faces a second, copies included.

    tests/benchmark/compare_pytorch.py --bin build/gpu/bin --models build/models --device cuda

For a machine with a GPU and a recent LibTorch; with --device cpu it runs anywhere. Needs PyTorch for Python.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

import bars
import engines

SIDE = 112
FACES = 16
SAME_EMBEDDING = {"fp32": 1e-3, "fp16": 5e-3}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of embedder_benchmark")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--device", default="cuda", help="cpu, cuda or cuda:N (default: cuda)")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64, 128, 256], metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="turns of each (default: 5)")
    parser.add_argument("--faces", type=int, default=4096, metavar="N", help="faces in a turn (default: 4096)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the JSON goes (default: nowhere)")
    arguments = parser.parse_args()
    rows: List[Dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="likeness-pytorch-") as folder:
        faces = Path(folder) / "faces.rgb"
        faces.write_bytes(os.urandom(FACES * SIDE * SIDE * 3))
        for precision in ("fp32",) if arguments.device == "cpu" else ("fp32", "fp16"):
            rows += compare(arguments, precision, faces)
    if arguments.out:
        bars.write(arguments.out, {"device": arguments.device, "rows": rows})
    return 0


def compare(arguments: argparse.Namespace, precision: str, faces: Path) -> List[Dict[str, Any]]:
    bundle = arguments.models.resolve() / "mobilefacenet-192.pt"
    options = [f"--model={bundle}", f"--faces={faces}", f"--device={arguments.device}", f"--precision={precision}"]
    ours = engines.Engine(engines.OURS, [str(arguments.bin.resolve() / "embedder_benchmark"), "--on_request", *options])
    theirs = engines.Engine("PyTorch", [sys.executable, "pytorch_benchmark.py", *options])
    difference = engines.largest_difference([ours, theirs], FACES)["PyTorch"]
    if difference > SAME_EMBEDDING[precision]:
        sys.exit(f"compare_pytorch: the two make other embeddings: they differ by {difference:.1e}")
    print(f"{precision} on {arguments.device}, faces a second (median); the embeddings differ by {difference:.1e}\n")
    print(f"  {'batch':>5} {'likeness':>10} {'PyTorch':>10} {'share':>7}")
    rows = []
    for batch in arguments.batches:
        rounds = [(ours.faces_per_second(batch, arguments.faces), theirs.faces_per_second(batch, arguments.faces))
                  for _ in range(arguments.rounds)]
        row = {"precision": precision, "batch": batch,
               "faces_per_second": statistics.median(mine for mine, _ in rounds),
               "pytorch_faces_per_second": statistics.median(other for _, other in rounds),
               "share": engines.summary([mine / other for mine, other in rounds])}
        rows.append(row)
        print(f"  {batch:>5} {row['faces_per_second']:>10.0f} {row['pytorch_faces_per_second']:>10.0f} "
              f"{row['share']['median']:>7.2f}", flush=True)
    print()
    ours.close()
    theirs.close()
    return rows


if __name__ == "__main__":
    sys.exit(main())
