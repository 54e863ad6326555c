"""The engines to compare, each a child process that measures itself round by round: see rounds.h."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

HERE = Path(__file__).resolve().parent
OURS = "likeness"
ONNX_RUNTIME = "ONNX Runtime"
OPENCV_DNN = "OpenCV dnn"


class Engine:
    """A child process. Everybody else on the machine waits while it measures; it waits while others do."""

    def __init__(self, name: str, command: List[str]) -> None:
        self.name = name
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE)

    def processor_ms_per_face(self, batch: int, faces: int) -> float:
        return self._ask(f"measure {batch} {faces}")["processor_ms_per_face"]

    def faces_per_second(self, batch: int, faces: int) -> float:
        return 1e3 / self._ask(f"measure {batch} {faces}")["wall_ms_per_face"]

    def embeddings(self, batch: int) -> List[List[float]]:
        return self._ask(f"embed {batch}")["embeddings"]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def _ask(self, request: str) -> Dict[str, Any]:
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit(f"{self.name} ended with code {self._process.wait()}")
        return json.loads(answer)


def start(binaries: Path, bundle: Path, onnx: Path, faces: Path) -> List[Engine]:
    """Ours first. OpenCV's only where it was built."""
    engines = [Engine(OURS, [str(binaries / "embedder_benchmark"), f"--model={bundle}", f"--faces={faces}",
                             "--on_request"])]
    if not (HERE / "node_modules" / "onnxruntime-node").is_dir():
        sys.exit("compare_engines: ONNX Runtime is not installed: cd tests/benchmark && npm ci --ignore-scripts")
    engines.append(Engine(ONNX_RUNTIME, ["node", "onnxruntime_benchmark.mjs", str(onnx), str(faces)]))
    opencv = binaries / "opencv_dnn_benchmark"
    if opencv.exists():
        engines.append(Engine(OPENCV_DNN, [str(opencv), f"--model={onnx}", f"--faces={faces}"]))
    else:
        print("OpenCV dnn is left out: libopencv-dnn-dev was missing when the benchmarks were built")
    return engines


def largest_difference(engines: List[Engine], batch: int) -> Dict[str, float]:
    """Between each engine's embeddings and those of the first, the largest of any number."""
    ours = engines[0].embeddings(batch)
    return {engine.name: max(abs(a - b) for mine, other in zip(ours, engine.embeddings(batch))
                             for a, b in zip(mine, other))
            for engine in engines[1:]}


def summary(values: List[float]) -> Dict[str, float]:
    ordered = sorted(values)
    return {"min": ordered[0], "median": ordered[len(ordered) // 2], "max": ordered[-1]}


def verdict(value: float, bar: Optional[float]) -> str:
    if bar is None:
        return ""
    return f"<= {bar:.2f}  {'met' if value <= bar else 'MISSED'}"
