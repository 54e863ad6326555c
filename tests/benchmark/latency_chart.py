#!/usr/bin/env python3
"""Draws latency and goodput against offered load, from what overload.py measured.

    tests/benchmark/latency_chart.py build/bench/overload.json docs/latency.svg

draws again without measuring again. The same figures give the same file.
"""

import json
import sys
from pathlib import Path

STYLE = {
    "svg.hashsalt": "likeness",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "figure.facecolor": "white",
}
BLUE, ORANGE, GREY = "#1f5fa8", "#d1601f", "#777777"


def draw(report: dict, path: Path) -> None:
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot

    points = report["points"]
    refusing = [point for point in points if point["refused_latency_ms"]["count"] > 0]
    capacity = report["capacity"]["goodput_per_second"]
    loads = [point["load"] for point in points]
    with pyplot.rc_context(STYLE):
        figure, (latency, goodput) = pyplot.subplots(
            2, 1, figsize=(7.5, 6), sharex=True, height_ratios=(2, 1), layout="constrained")
        for axes in (latency, goodput):
            axes.axvline(1, color=GREY, linewidth=1, linestyle=":")
        for percentile, line in (("p99", "o-"), ("p50", "o--")):
            latency.plot(loads, [point["ok_latency_ms"][percentile] for point in points], line, color=BLUE,
                         label=f"answered, {percentile}")
        latency.plot([point["load"] for point in refusing], [point["refused_latency_ms"]["p99"] for point in refusing],
                     "s-", color=ORANGE, label="refused, p99")
        latency.axhline(1e3 * report["queue"] / capacity, color=GREY, linewidth=1, linestyle="--",
                        label=f"a full queue of {report['queue']}")
        latency.set_yscale("log")
        latency.set_ylabel("milliseconds from the due time")
        latency.yaxis.set_major_formatter("{x:g}")
        latency.legend(frameon=False)
        goodput.plot(loads, [point["goodput_per_second"] for point in points], "o-", color=BLUE)
        goodput.set_ylim(bottom=0)
        goodput.set_ylabel("answered a second")
        goodput.set_xlabel(f"offered load, as a multiple of capacity ({capacity:.0f} calls a second)")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None, "Creator": None, "Title": "Latency against offered load"})
        pyplot.close(figure)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
