"""The import rules of the house, and how little the command loads before it knows what it is asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"mcp", "mcp_types", "pydantic", "anyio", "httpx2", "uvicorn", "starlette", "rich", "PIL", "av", "jwt"}


def test_imports_point_down_only_and_stay_in_their_rooms() -> None:
    lint = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    checked = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["http", "--help"], ["sandbox", "--help"]])
def test_asking_about_the_command_loads_nothing_heavy(arguments: list[str]) -> None:
    probe = (
        "import sys; from kling_mcp.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as done: assert done.code == 0\n"
        f"print(sorted({HEAVY} & sys.modules.keys()), file=sys.stderr)"
    )
    asked = subprocess.run([sys.executable, "-c", probe, *arguments], capture_output=True, text=True, check=True)
    assert (asked.stderr.strip(), "kling-mcp" in asked.stdout) == ("[]", True)
