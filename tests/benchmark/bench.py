#!/usr/bin/env python3
"""Every benchmark of the CPU, in one table against its bars: what `make bench` runs.

Takes about ten minutes on two cores that do nothing else. Writes build/bench.json and the drawing of the performance
page. Bars that are missed are shown as missed; they do not fail the run, because a busy machine misses them too.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import bars
import photos
import served

HERE = Path(__file__).resolve().parent
PHOTO = served.DEMO_PHOTOS / "cage.jpg"


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

    def script(name: str, *options: Any) -> Dict[str, Any]:
        out = work / f"{name}.json"
        out.unlink(missing_ok=True)
        run(["/usr/bin/python3", HERE / f"{name}.py", *places, "--out", out, *options], missed_bars=1)
        return json.loads(out.read_text())

    def program(name: str, *options: Any) -> Dict[str, Any]:
        return json.loads(run([arguments.bin / name, *options], stdout=subprocess.PIPE))

    heading("engines and whole calls")
    results = {"engines": script("compare_engines")}
    heading("two workers against one")
    results["scaling"] = script("scaling")
    heading("what the service adds to a call")
    small = work / "small.jpg"
    photos.write_small(PHOTO, small)
    with (work / "service.log").open("w") as log:
        results["service"] = json.loads(run([arguments.bin / "service_benchmark", "--photo", small, "--models",
                                             arguments.models], stdout=subprocess.PIPE, stderr=log))
    heading("a large gallery")
    results["gallery"] = program("gallery_benchmark", "--photo", PHOTO, "--folder", work)
    heading("the first Enroll of a large gallery on PostgreSQL")
    results["first_enroll"] = program("first_enroll_benchmark", "--photo", PHOTO)
    heading("overload")
    results["overload"] = script("overload", "--full", "--svg", arguments.svg)
    heading("the end under load")
    results["shutdown"] = script("shutdown")
    heading("a training step")
    results["training_step"] = script("training_step")

    found = [*engine_bars(results["engines"]), *results["scaling"]["bars"], *service_bars(results["service"]),
             *gallery_bars(results["gallery"]), *first_enroll_bars(results["first_enroll"]), *results["overload"]["bars"], *results["shutdown"]["bars"],
             *results["training_step"]["bars"]]
    heading("all bars")
    bars.show(found)
    bars.write(arguments.out, {"bars": found, **results})
    print(f"\n{sum(bar['met'] for bar in found)} of {len(found)} bars met; {arguments.out}")
    return 0


def heading(text: str) -> None:
    print(f"\n=== {text} ===", flush=True)


def run(command: List[Any], missed_bars: int = 0, **options: Any) -> str:
    """Its output, where it is piped. Ends the program when it ends with neither 0 nor `missed_bars`."""
    done = subprocess.run(list(map(str, command)), text=True, **options)
    if done.returncode not in (0, missed_bars):
        sys.exit(f"bench: {' '.join(map(str, command))} failed with code {done.returncode}")
    return done.stdout or ""


def engine_bars(engines: Dict[str, Any]) -> List[bars.Bar]:
    found = [bars.at_most(f"network, batch {row['batch']}, against {row['compared_with']}", row["times"]["median"],
                          row["bar"], "times")
             for row in engines["network"] if "bar" in row and (row["batch"] == 1 or "batch" in row["compared_with"])]
    return found + [bars.at_most(f"whole call, {row['photo']} of {row['mean_bytes'] / 1e6:.2f} MB, against "
                                 f"{row['compared_with']}", row["times"]["median"], row["bar"], "times")
                    for row in engines["call"]["rows"]]


def service_bars(service: Dict[str, Any]) -> List[bars.Bar]:
    return [bars.at_most("gRPC, queue, copies, locks and log, of a whole call", 100 * service["service_share"], 5, "%")]


def gallery_bars(gallery: Dict[str, Any]) -> List[bars.Bar]:
    return [
        bars.at_most("p50 with 1,000,000 people against 1,000", gallery["p50_ratio"], 1.1, "times"),
        bars.at_most("start to SERVING with 1,000,000 people", gallery["start_seconds_1000000"], 3, "s"),
        bars.at_most("memory of a cached reference", gallery["cache_bytes_per_reference"], 1200, "bytes"),
        bars.at_most("a face sought among 100,000 people", gallery["duplicate_search_ms"], 20, "ms"),
        bars.at_most("100,000 references mapped to a model with a layer more, one core, in the open",
                     gallery["mapped_activation_seconds_plaintext"], 10, "s"),
        bars.at_most("100,000 references mapped to a model with a layer more, one core, encrypted",
                     gallery["mapped_activation_seconds"], 10, "s"),
        *(bars.at_most(f"last page of 100,000 {what} against the first, {database}", gallery[f"{key}_ratio"], 1.5, "times")
          for database, name in (("SQLite", "sqlite"), ("PostgreSQL", "postgres"))
          for what, key in (("embeddings", f"embeddings_page_{name}"), ("to be embedded", f"unembedded_page_{name}"))),
    ]


def first_enroll_bars(first: Dict[str, Any]) -> List[bars.Bar]:
    return [
        bars.at_most("first Enroll with 150,000 people on PostgreSQL, right after the start", first["first_enroll_seconds_at_once"], 1.5, "s"),
        bars.at_most("the same, once the index is filled", first["first_enroll_seconds_index_filled"], 1.5, "s"),
        bars.at_most("slowest Verify while the index is filled or read, of the median", first["verify_max_of_median"], 2,
                     "times"),
    ]


if __name__ == "__main__":
    sys.exit(main())
