"""What the repository may and may not contain."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]

ADDRESSES = {
    # An address of a package index or of a download is one of the machine it was written on.
    "a package index": re.compile(r"(?i)://[^\s/]*(?:pypi|pythonhosted|npmjs|registry\.)[^\s/]*"),
    "a configured index": re.compile(r"(?im)^\s*(?:--)?(?:extra-)?index-url\b"),
    "a machine's own path": re.compile(r"(?<![\w.])/(?:root|work)/"),
}


def ours() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    if not (ROOT / ".git").exists():
        pytest.skip("only a checkout knows which files belong to the project")
    return {str(path.relative_to(ROOT)): path.read_bytes().decode(errors="replace") for path in ours()}


@pytest.mark.parametrize("kind", ADDRESSES)
def test_no_file_holds_an_address_of_the_machine_it_was_written_on(texts: dict[str, str], kind: str) -> None:
    found = {name: ADDRESSES[kind].findall(text) for name, text in texts.items() if name != "tests/house/test_tree.py"}
    assert {name: hits for name, hits in found.items() if hits} == {}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("a package index", "https://pypi.example.net/simple"),
        ("a package index", "https://files.pythonhosted.example/x"),
        ("a configured index", "--extra-index-url https://example.net"),
        ("a machine's own path", "see /root/kling"),
    ],
)
def test_the_address_rules_recognise_what_they_forbid(kind: str, text: str) -> None:
    assert ADDRESSES[kind].search(text)


def test_no_lock_file_that_holds_download_addresses_is_tracked(texts: dict[str, str]) -> None:
    assert not {"uv.lock", "poetry.lock", "package-lock.json"} & {Path(name).name for name in texts}


def test_every_pinned_requirement_has_hashes_and_nothing_but_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    entry = re.compile(r"[\w.-]+==[\w.]+(?: ; [^\\\n]+)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+")
    assert entry.sub("", lock) == ""


def test_every_dependency_is_pinned_within_its_declared_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = dict(re.findall(r"(?m)^([\w.-]+)==([\w.]+)", (ROOT / "requirements.lock").read_text()))
    declared = [Requirement(line) for line in project["dependencies"]]
    assert [str(need) for need in declared if not need.specifier.contains(pinned.get(need.name, "0"))] == []
