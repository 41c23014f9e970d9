"""What the figures were measured on, and the few sums every benchmark shares."""

from __future__ import annotations

import os
import platform
import statistics
from importlib.metadata import version
from pathlib import Path


def described() -> str:
    """The machine in one line: figures mean nothing without it."""
    model = platform.processor() or platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        names = [
            line.split(":", 1)[1].strip() for line in cpus.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    python = f"Python {platform.python_version()}, mcp {version('mcp')}"
    return f"{os.cpu_count()} x {model}, {platform.system()} {platform.machine()}, {python}, load {load:.1f}"


def summary(seconds: list[float]) -> str:
    """Median and spread of some durations, in milliseconds."""
    low, *_, high = sorted(seconds)
    return (
        f"median {statistics.median(seconds) * 1000:.1f} ms (of {len(seconds)}, {low * 1000:.1f} to {high * 1000:.1f})"
    )
