"""How the battery tells its figures: on standard output, which pytest shows with ``-s``."""

from __future__ import annotations


def say(text: str) -> None:
    """One line, or several."""
    print(text, flush=True)  # noqa: T201 - figures are what the battery is run for
