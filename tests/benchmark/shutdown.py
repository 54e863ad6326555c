#!/usr/bin/env python3
"""SIGTERM under full load: every call that the server had accepted is answered, and its caller gets the answer.

Offers twice what the server can do, as an open loop, and ends the server in the middle, several times. What the callers
report is held against the server's log, which has a line for each answer. Exits with 1 when an accepted call failed.
"""

import argparse
import collections
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Counter, Dict

import bars
import served

# What a caller may be told instead of an answer: it was refused unseen, or the server was gone.
REFUSALS = {("RESOURCE_EXHAUSTED", "OVERLOADED"), ("UNAVAILABLE", "SHUTTING_DOWN")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, metavar="DIR", help="folder of the built programs")
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of the exported bundles")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="servers to end (default: 5)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the JSON goes (default: nowhere)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="likeness-shutdown-") as name:
        rounds = [end_under_load(arguments, Path(name) / str(number)) for number in range(arguments.rounds)]
    total = {key: sum(figures[key] for figures in rounds) for key in rounds[0]}
    print(f"  {arguments.rounds} servers: {total['answered']} calls answered, {total['refused']} refused, {total['gone']} "
          f"sent to nobody")
    report = {"rounds": rounds, "bars": [
        bars.at_most("accepted calls that failed at SIGTERM", total["failed"], 0, "calls"),
        bars.at_most("answers at SIGTERM that did not reach their callers", total["lost"], 0, "calls"),
        bars.at_most("servers that did not end with 0 at SIGTERM", total["bad_end"], 0, "servers"),
    ]}
    bars.show(report["bars"])
    if arguments.out:
        bars.write(arguments.out, report)
    return 0 if all(bar["met"] for bar in report["bars"]) else 1


def end_under_load(arguments: argparse.Namespace, folder: Path) -> Dict[str, int]:
    with served.Server(arguments.bin, arguments.models, folder) as server:
        capacity = server.bench(served.faces(), "--method=embed", "--concurrency=16", "--warm-up=0.5",
                                "--duration=1.5")["goodput_per_second"]
        before = answers_in_log(server)
        load = subprocess.Popen(server.command(served.faces(), "--method=embed", f"--rate={2 * capacity}", "--warm-up=0",
                                               "--duration=4"), stdout=subprocess.PIPE, text=True)
        time.sleep(2)
        exit_code = server.stop()
        report = json.loads(load.communicate()[0])
        answered = answers_in_log(server) - before
    told: Counter = collections.Counter()
    for entry in report["codes"]:
        told[entry["code"], entry["reason"]] += entry["calls"]
    answered_ok = answered.pop(("OK", ""), 0)
    refused = sum(answered.pop(refusal, 0) for refusal in REFUSALS)
    gone = told.pop(("UNAVAILABLE", ""), 0)
    return {"answered": answered_ok, "refused": refused, "gone": gone, "failed": sum(answered.values()),
            "lost": answered_ok + refused - told["OK", ""] - sum(told[refusal] for refusal in REFUSALS),
            "bad_end": int(exit_code != 0)}


def answers_in_log(server: served.Server) -> Counter:
    answers: Counter = collections.Counter()
    for line in server.log.read_text().splitlines():
        entry: Dict[str, Any] = json.loads(line)
        if entry.get("event") == "call":
            answers[entry["code"], entry.get("reason", "")] += 1
    return answers


if __name__ == "__main__":
    sys.exit(main())
