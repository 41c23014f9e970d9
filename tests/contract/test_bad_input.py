"""The list of bad input of every tool: each mistake has its sentence before anything leaves; what is understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.catalogue import GENERATIONS

from .mistakes import (
    CONTRADICTING,
    GONE,
    MISSING,
    MISSPELLED,
    MISTYPED,
    OUT_OF_RANGE,
    RETIRED,
    RIGHT,
    UNDERSTOOD,
    WRONG_MODEL,
    Alike,
    Mistake,
)

if TYPE_CHECKING:
    from kling_mcp.errors import Problem

    from .values import Json

SORTS = {
    "missing": MISSING,
    "mistyped": MISTYPED,
    "out of range": OUT_OF_RANGE,
    "contradicting": CONTRADICTING,
    "wrong model": WRONG_MODEL,
}
MISTAKES = [
    pytest.param(tool, mistake, id=f"{tool} {sort} {mistake.field} {n}")
    for sort, rows in SORTS.items()
    for tool, mistakes in rows.items()
    for n, mistake in enumerate(mistakes)
]


def changed(tool: str, changes: Json) -> Json:
    return {name: value for name, value in (RIGHT[tool] | changes).items() if value is not GONE}


def problems(tool: str, changes: Json) -> tuple[Problem, ...]:
    with pytest.raises(InvalidRequest) as refused:
        GENERATIONS[tool].parse(changed(tool, changes))
    return refused.value.problems


def test_the_list_is_whole() -> None:
    for rows in (RIGHT, MISSING, MISSPELLED, MISTYPED, OUT_OF_RANGE, UNDERSTOOD):
        assert set(rows) == set(GENERATIONS)
    with_models = {tool for tool, operation in GENERATIONS.items() if "model_name" in operation.argument_names()}
    assert with_models <= set(WRONG_MODEL)


@pytest.mark.parametrize("tool", RIGHT)
def test_the_request_that_is_changed_is_right(tool: str) -> None:
    GENERATIONS[tool].parse(RIGHT[tool])


@pytest.mark.parametrize(("tool", "mistake"), MISTAKES)
def test_each_mistake_has_its_sentence(tool: str, mistake: Mistake) -> None:
    found = [problem.sentence for problem in problems(tool, mistake.changes) if problem.field == mistake.field]
    assert [sentence for sentence in found if mistake.says in sentence], problems(tool, mistake.changes)


@pytest.mark.parametrize(("tool", "names"), MISSPELLED.items(), ids=str)
def test_a_name_that_does_not_exist_is_answered_with_the_closest(tool: str, names: tuple[str, str]) -> None:
    written, meant = names
    found = problems(tool, {written: "x"} | ({meant: GONE} if meant in RIGHT[tool] else {}))
    assert found[0].sentence == f"'{written}' is not an argument of {tool}. Did you mean '{meant}'?"
    # What was meant counts as given: nobody hears that it is missing. It may contradict what was given beside it.
    assert all("together with" in problem.sentence for problem in found[1:])


@pytest.mark.parametrize("tool", RIGHT)
def test_mistakes_of_every_sort_are_told_at_once(tool: str) -> None:
    mistyped = MISTYPED[tool][0]
    beyond = next((each for each in OUT_OF_RANGE[tool] if not each.changes.keys() & mistyped.changes.keys()), None)
    changes = mistyped.changes | (beyond.changes if beyond else {}) | {"xyzzy": 1}
    expected = {mistyped.field, "xyzzy", beyond.field if beyond else "xyzzy"}
    assert expected <= {problem.field for problem in problems(tool, changes)}


@pytest.mark.parametrize(("tool", "changes"), RETIRED.items(), ids=str)
def test_a_retired_model_passes_with_a_note(tool: str, changes: Json) -> None:
    notes = GENERATIONS[tool].parse(changed(tool, changes)).quote().notes
    assert any("retired" in note and "free of charge" in note for note in notes), notes


@pytest.mark.parametrize(
    ("tool", "alike"), [pytest.param(tool, each, id=tool) for tool, rows in UNDERSTOOD.items() for each in rows]
)
def test_what_only_looks_wrong_is_understood(tool: str, alike: Alike) -> None:
    operation = GENERATIONS[tool]
    said, meant = (operation.parse(changed(tool, changes)) for changes in (alike.said, alike.means))
    assert said == meant
    assert {type(value) for value in vars(said).values()} == {type(value) for value in vars(meant).values()}
