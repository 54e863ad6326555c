#!/usr/bin/env python3
"""What the server does when it is asked for more than it can: latency and goodput against offered load.

Starts a server on an empty gallery, finds its latency without load and its capacity, offers shares and multiples of
that capacity as an open loop (latency counted from the time a call was due), then lets thousands of callers cancel or
time out, and looks whether latency, memory and processor time are as before. Prints a table against the bars, writes
JSON with --out and a drawing with --svg. Exits with 1 when a bar is missed.

The load comes from `likeness bench` on the same machine. With --workers=1 (the default) on two cores, the server's
worker has a core to itself, and the generator shares the other one with the server's own gRPC threads; what the
generator takes is in the report. Figures from a machine that does something else meanwhile are worth nothing.
"""

import argparse
import datetime
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import bars
import latency_chart
import served

LOADS = [0.25, 0.5, 0.75, 0.9, 1.0, 1.5, 2.0, 3.0]  # of capacity
GONE_CALLS = 10_000
GONE_RATE = 1000  # a second
GONE_AFTER_MS = 5  # less than a call takes


def summary(report: Dict[str, Any], offered: Optional[float] = None, load: Optional[float] = None) -> Dict[str, Any]:
    """What the report of `likeness bench` says about one point."""
    return {
        "load": load,
        "offered_per_second": offered,
        "seconds": report["seconds"],
        "goodput_per_second": report["goodput_per_second"],
        "ok_latency_ms": report["ok"]["latency_ms"],
        "refused_latency_ms": report["refused"]["latency_ms"],
        "refused_with_retry_delay": report["refused"]["with_retry_delay"],
        "codes": {f"{code['code']} {code['reason']}".strip(): code["calls"] for code in report["codes"]},
        "server_ms_per_ok_call": report["server"]["processor_ms_per_ok_call"],
        "resident_bytes": report["server"]["resident_bytes"],
        "generator_cores": report["generator"]["processor_seconds"] / report["seconds"],
        "late_sending_p99_ms": report["generator"]["delay_of_sending_ms"]["p99"],
    }


def bench(server: served.Server, seconds: float, *options: str, warm_up: float = 1.5) -> Dict[str, Any]:
    return server.bench(served.faces(), f"--duration={seconds}", f"--warm-up={warm_up}", *options)


def let_callers_go(server: served.Server, *how: str) -> Dict[str, Any]:
    """Sends calls whose callers do not wait for the answer; how many went, and what the server did afterwards."""
    report = bench(server, 1.05 * GONE_CALLS / GONE_RATE, "--rate", str(GONE_RATE), *how, warm_up=0)
    gone = sum(code["calls"] for code in report["codes"] if code["code"] in ("CANCELLED", "DEADLINE_EXCEEDED"))
    time.sleep(0.2)  # more than the work that was begun may still take
    processor = server.figure("process_cpu_seconds_total")
    time.sleep(2)
    return {"calls": report["calls"], "gone": gone,
            "cores_used_afterwards": (server.figure("process_cpu_seconds_total") - processor) / 2,
            "queue_depth_afterwards": server.figure("likeness_queue_depth")}


def measure(server: served.Server, arguments: argparse.Namespace) -> Dict[str, Any]:
    def closed(callers: int) -> Dict[str, Any]:
        return summary(bench(server, arguments.seconds, "--concurrency", str(callers)))

    def show(label: str, point: Dict[str, Any]) -> None:
        ok, refused = point["ok_latency_ms"], point["refused_latency_ms"]
        print(f"  {label:<15} {point['goodput_per_second']:>8.1f} {ok['p50']:>9.1f} {ok['p99']:>9.1f} "
              f"{refused['count'] / point['seconds']:>10.1f} {refused['p99']:>9.1f} {point['generator_cores']:>10.2f}",
              flush=True)

    print(f"  {'load':<15} {'OK/s':>8} {'p50 ms':>9} {'p99 ms':>9} {'refused/s':>10} {'p99 ms':>9} {'generator':>10}")
    bench(server, 2, "--concurrency", "4")  # first calls are not like the others
    unloaded = closed(1)
    show("one caller", unloaded)
    capacity = closed(arguments.workers * 8)
    show("capacity", capacity)
    memory_before = server.figure("process_resident_memory_bytes")
    points = []
    for load in LOADS:
        offered = load * capacity["goodput_per_second"]
        seconds = arguments.overload_seconds if load == max(LOADS) else arguments.seconds
        points.append(summary(bench(server, seconds, "--rate", str(offered)), offered, load))
        show(f"{load:g} x capacity", points[-1])
    before = closed(1)
    gone_before = server.figure("process_resident_memory_bytes")
    cancelled = let_callers_go(server, "--cancel-after", str(GONE_AFTER_MS))
    timed_out = let_callers_go(server, "--timeout", str(GONE_AFTER_MS / 1e3))
    gone_after = server.figure("process_resident_memory_bytes")
    after = closed(1)
    show("after callers left", after)
    return {"unloaded": unloaded, "capacity": capacity, "points": points, "idle_bytes_before_points": memory_before,
            "gone": {"cancelled": cancelled, "timed_out": timed_out, "resident_bytes": [gone_before, gone_after],
                     "one_caller_before": before, "one_caller_after": after}}


def check(results: Dict[str, Any], queue: int) -> List[bars.Bar]:
    capacity = results["capacity"]["goodput_per_second"]
    worst, gone = results["points"][-1], results["gone"]
    peak = max(point["goodput_per_second"] for point in [results["capacity"], *results["points"]])
    queue_bound = 1e3 * queue / capacity
    memory = worst["resident_bytes"]
    refusals = sum(calls for code, calls in worst["codes"].items() if code != "OK")
    before, after = gone["resident_bytes"]
    found = [
        bars.at_least("goodput at 3 x capacity, of peak", 100 * worst["goodput_per_second"] / peak, 90, "%"),
        bars.at_most("p99 of accepted calls (3 x unloaded + queue bound)", worst["ok_latency_ms"]["p99"],
                     3 * results["unloaded"]["ok_latency_ms"]["p99"] + queue_bound, "ms"),
        bars.at_most("p99 of refusals", worst["refused_latency_ms"]["p99"], 20, "ms"),
        bars.at_least("calls not OK that are refusals with RetryInfo",
                      100 * worst["refused_with_retry_delay"] / max(1, refusals), 100, "%"),
        bars.at_most("memory at the end of 3 x capacity, of its start", 100 * memory["end"] / memory["start"], 105, "%"),
    ]
    for name in ("cancelled", "timed_out"):
        words = name.replace("_", " ")
        found.append(bars.at_least(f"calls {words}", gone[name]["gone"], GONE_CALLS, ""))
        found.append(bars.at_most(f"processor time after calls {words}", 100 * gone[name]["cores_used_afterwards"], 1,
                                  "% of a core"))
    found.append(bars.at_most("memory after cancelled and timed-out calls, of before", 100 * after / before, 105, "%"))
    found.append(bars.at_most("p50 of one caller after them, of before",
                              100 * gone["one_caller_after"]["ok_latency_ms"]["p50"] /
                              gone["one_caller_before"]["ok_latency_ms"]["p50"], 110, "%"))
    return found


def processor_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, help="folder of the two binaries")
    parser.add_argument("--models", type=Path, required=True, help="folder of the exported bundles")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--queue", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=6, help="of each point")
    parser.add_argument("--full", action="store_true", help="60 seconds of 3 x capacity, as the bars ask for")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--svg", type=Path, help="drawing to write, for example docs/latency.svg")
    arguments = parser.parse_args()
    arguments.overload_seconds = 60 if arguments.full else arguments.seconds
    with tempfile.TemporaryDirectory(prefix="likeness-overload-") as folder:
        with served.Server(arguments.bin, arguments.models, Path(folder), f"--workers={arguments.workers}",
                           f"--queue={arguments.queue}") as server:
            results = measure(server, arguments)
            exit_code = server.stop()
    report = {"date": datetime.date.today().isoformat(), "processor": processor_name(), "cores": os.cpu_count(),
              "workers": arguments.workers, "queue": arguments.queue, "photos": served.FACES,
              "bars": check(results, arguments.queue), **results}
    bars.show(report["bars"])
    if arguments.out:
        bars.write(arguments.out, report)
    if arguments.svg:
        latency_chart.draw(report, arguments.svg)
    return 0 if exit_code == 0 and all(bar["met"] for bar in report["bars"]) else 1


if __name__ == "__main__":
    sys.exit(main())
