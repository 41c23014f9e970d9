"""Write the README's tables from the code, so that neither can say what the other does not.

``python docs/tables.py`` rewrites them in place; a test fails while they differ.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo

README = Path(__file__).parents[1] / "README.md"


def written(text: str) -> str:
    """``text`` with every generated table as the code has it now."""
    for name, table in (("tools", tools_table), ("settings", settings_table)):
        between = re.compile(rf"(<!-- {name}: written by docs/tables\.py -->\n).*?(\n<!-- end -->)", re.DOTALL)
        text, found = between.subn(lambda match: match[1] + table() + match[2], text)  # noqa: B023 - called at once
        if found != 1:
            raise ValueError(f"{README.name} needs the markers of the table '{name}' exactly once")
    return text


def tools_table() -> str:
    """One row per tool, from the catalogue."""
    raise NotImplementedError


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
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
    sys.exit(0)
