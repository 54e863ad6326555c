"""Bars: what was measured, the limit, and whether it holds."""

import json
from pathlib import Path
from typing import Any, Dict, List

Bar = Dict[str, Any]


def at_most(name: str, measured: float, limit: float, unit: str) -> Bar:
    return {"name": name, "measured": measured, "relation": "<=", "limit": limit, "unit": unit, "met": measured <= limit}


def at_least(name: str, measured: float, limit: float, unit: str) -> Bar:
    return {"name": name, "measured": measured, "relation": ">=", "limit": limit, "unit": unit, "met": measured >= limit}


def show(bars: List[Bar]) -> None:
    print(f"\n  {'bar':<66} {'measured':>10} {'limit':>13}")
    for bar in bars:
        print(f"  {bar['name']:<66} {bar['measured']:>10.3f} {bar['relation']} {bar['limit']:>10.3f} {bar['unit']:<12}"
              f"{'' if bar['met'] else ' MISSED'}", flush=True)


def write(path: Path, report: Dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
