"""The README says what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import tables

from kling_mcp.server.catalogue import TOOLS
from kling_mcp.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_generated_tables_are_what_the_code_says_now() -> None:
    assert tables.written(README) == README, "run: uv run python docs/tables.py"


def test_a_table_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="table 'tools'"):
        tables.written("# no markers here")


def test_every_tool_and_every_variable_has_a_row() -> None:
    assert re.findall(r"(?m)^\| `(\w+)` \|", section("Tools")) == list(TOOLS)
    variables = [f"KLING_{name.upper()}" for name in Settings.model_fields]
    assert re.findall(r"(?m)^\| `(\w+)` \|", section("Configuration")) == variables


def test_every_variable_is_explained() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [re.split(r"[^\w-]", line)[0] for line in project["dependencies"]]
    assert sorted(re.findall(r"(?m)^\| `([\w-]+)` \|", section("Dependencies"))) == sorted(declared)


def test_every_promise_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", section("Promises, and the tests that prove them"))
    missing = [f"{path}::{test}" for path, test in named if f"def {test}" not in _text(path)]
    assert (missing, len(named) > 0) == ([], True)


def _text(path: str) -> str:
    file = ROOT / path
    return file.read_text() if file.exists() else ""


def test_every_file_the_readme_points_at_exists() -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README)
    assert [target for target in targets if not (ROOT / target).exists()] == []
