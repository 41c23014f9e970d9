"""Write the README's tables from the code, so that neither can say what the other does not.

``python docs/tables.py`` rewrites them in place; a test fails while they differ.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo

README = Path(__file__).parents[1] / "README.md"


def written(text: str) -> str:
    """``text`` with every generated table as the code has it now.

    Raises:
        ValueError: The markers between which a table stands are missing or doubled.
    """
    for name, table in (("tools", tools_table()), ("settings", settings_table())):
        start, end = f"<!-- {name}: written by docs/tables.py -->\n", "<!-- end -->"
        before, found, after = text.partition(start)
        old, closed, rest = after.partition(end)
        if not found or not closed or start in rest or "<!--" in old:
            raise ValueError(f"{README.name} needs the markers of the table '{name}' exactly once")
        text = before + start + table + end + rest
    return text


def tools_table() -> str:
    """One row per tool, from the catalogue: the first sentence of what a model is told, and what hosts are told."""
    from kling_mcp.server.catalogue import TOOLS

    return _markdown(
        ("Tool", "What it does", "Toolset", "Spends units"),
        (
            (
                f"`{tool.name}`",
                _first_sentence(inspect.getdoc(tool.operation) or ""),
                tool.operation.toolset + (" ★" if tool.operation.starred else ""),
                "yes" if tool.makes_jobs else "",
            )
            for tool in TOOLS.values()
        ),
    )


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", " ".join(text.split()), maxsplit=1)[0]


def settings_table() -> str:
    """One row per environment variable, from the docstrings of ``Settings``."""
    from kling_mcp.settings import Settings

    rows = (
        (f"`KLING_{name.upper()}`", _default(field), field.description or "")
        for name, field in Settings.model_fields.items()
    )
    return _markdown(("Variable", "Default", "Meaning"), rows)


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None or field.default in (None, [], False):
        return ""
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"


def _markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
    sys.exit(0)
