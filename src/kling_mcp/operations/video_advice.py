"""What a refusal of ``generate_video`` says last: which model could do it.

It is found by asking the same rules about the same request with another model, then another mode, then another
length; current models before retired ones, best first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.errors import Problem
from kling_mcp.operations.model_facts import MODELS, NO_MODE
from kling_mcp.operations.video_limits import LIMITS
from kling_mcp.operations.video_rules import RULES
from kling_mcp.operations.wording import root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from kling_mcp.operations.base import Rule
    from kling_mcp.operations.model_facts import ModelFacts
    from kling_mcp.operations.video import GenerateVideo

CURRENT = tuple(facts for facts in MODELS.values() if facts.retired is None)
RETIRED = tuple(facts for facts in MODELS.values() if facts.retired is not None)


def refusals(request: GenerateVideo, unsound: AbstractSet[str]) -> Iterator[Problem]:
    """Every broken rule as a problem; those that depend on the model with one that can."""
    others = _problems(request, RULES, unsound)
    yield from others
    limits = _problems(request, LIMITS, unsound)
    if not limits:
        return
    whole = able(request, unsound)
    done = "can do it once the other problems are solved" if others or unsound else "can do the whole request"
    for problem in limits:
        advice = (
            f"{_named(whole, request)} {done}{_warning(whole)}."
            if whole is not None
            else _advice_in_part(request, root(problem.field), unsound)
        )
        yield Problem(problem.field, f"{problem.sentence} {advice}")


def able(
    request: GenerateVideo, unsound: AbstractSet[str] = frozenset(), models: tuple[ModelFacts, ...] = CURRENT + RETIRED
) -> GenerateVideo | None:
    """The nearest variant of a request that some model can run, and that breaks no rule the request keeps."""
    kept = [*LIMITS, *(rule for rule in RULES if not rule.broken_by(request, unsound))]
    return next((v for v in _variants(request, models) if not _problems(v, kept, unsound)), None)


def _problems(request: GenerateVideo, rules: Iterable[Rule[GenerateVideo]], unsound: AbstractSet[str]) -> list[Problem]:
    return [problem for rule in rules for problem in rule.broken_by(request, unsound)]


def _variants(request: GenerateVideo, models: tuple[ModelFacts, ...]) -> Iterator[GenerateVideo]:
    """The request as another model could take it, the nearest first."""
    ranked = [
        variant
        for retired in (False, True)
        for variant in _of_same_length(request, [facts for facts in models if bool(facts.retired) is retired])
    ]
    yield from ranked
    of_other_length = [other for variant in ranked for other in _in_other_lengths(variant)]
    yield from sorted(of_other_length, key=lambda each: _distance(each, request))


def _distance(variant: GenerateVideo, request: GenerateVideo) -> tuple[bool, int, bool]:
    """How far a variant of another length is from what was asked."""
    return (
        variant.facts.retired is not None,
        abs(variant.duration - request.duration),
        variant.model_name != request.model_name,
    )


def _of_same_length(request: GenerateVideo, models: list[ModelFacts]) -> Iterator[GenerateVideo]:
    for facts in models:
        yield _varied(request, model_name=facts.name)
    for facts in sorted(models, key=lambda each: each.name != request.model_name):
        for mode in facts.endpoints.get(request.endpoint, {}):
            yield _varied(request, model_name=facts.name, mode=None if mode == NO_MODE else mode)


def _in_other_lengths(request: GenerateVideo) -> Iterator[GenerateVideo]:
    for length in request.row.durations if request.row is not None else ():
        yield _varied(request, duration=length)


def _varied(request: GenerateVideo, **changes: object) -> GenerateVideo:
    return request.model_copy(update=changes)


def _advice_in_part(request: GenerateVideo, field: str, unsound: AbstractSet[str]) -> str:
    """Who can do what one field asks for, when nobody can do everything."""
    for variant in _variants(request, CURRENT + RETIRED):
        left = {root(problem.field) for problem in _problems(variant, LIMITS, unsound)}
        if variant.row is not None and field not in left:
            named = _named(variant, request)
            return f"{named} can do this, but not the rest of the request{_warning(variant)}."
    return "No Kling model can do this."


def _named(variant: GenerateVideo, request: GenerateVideo) -> str:
    """The model of a variant, and what else it changes."""
    changes = [
        f"{name} {getattr(variant, name)}" if getattr(variant, name) is not None else f"no {name}"
        for name in ("mode", "duration")
        if getattr(variant, name) != getattr(request, name)
    ]
    return variant.model_name + (f" with {' and '.join(changes)}" if changes else "")


def _warning(variant: GenerateVideo) -> str:
    since = variant.facts.retired
    return f" (reported retired since {since}: Kling may refuse it, free of charge)" if since else ""
