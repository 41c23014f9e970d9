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
    for rule in RULES:
        yield from rule.broken_by(request, unsound)
    broken = [(rule, rule.broken_by(request, unsound)) for rule in LIMITS]
    if not any(problems for _, problems in broken):
        return
    whole = able(request, unsound)
    for rule, problems in broken:
        for problem in problems:
            yield Problem(problem.field, f"{problem.sentence} {_advice(request, rule, whole, unsound)}")


def able(
    request: GenerateVideo, unsound: AbstractSet[str] = frozenset(), models: tuple[ModelFacts, ...] = CURRENT + RETIRED
) -> GenerateVideo | None:
    """The nearest variant of a request that some model can run, and that breaks no rule the request keeps."""
    kept = [rule for rule in RULES if not rule.broken_by(request, unsound)]
    return _first(_variants(request, models), [*LIMITS, *kept], unsound)


def _first(
    variants: Iterable[GenerateVideo], rules: Iterable[Rule[GenerateVideo]], unsound: AbstractSet[str]
) -> GenerateVideo | None:
    wanted = tuple(rules)
    return next((v for v in variants if not any(rule.broken_by(v, unsound) for rule in wanted)), None)


def _variants(request: GenerateVideo, models: tuple[ModelFacts, ...]) -> Iterator[GenerateVideo]:
    """The request as another model could take it, the nearest first."""
    ranked = [
        variant
        for retired in (False, True)
        for variant in _of_same_length(request, [facts for facts in models if bool(facts.retired) is retired])
    ]
    yield from ranked
    for variant in ranked:
        yield from _in_other_lengths(variant)


def _of_same_length(request: GenerateVideo, models: list[ModelFacts]) -> Iterator[GenerateVideo]:
    for facts in models:
        yield _varied(request, model_name=facts.name)
    for facts in sorted(models, key=lambda each: each.name != request.model_name):
        for mode in facts.endpoints.get(request.endpoint, {}):
            yield _varied(request, model_name=facts.name, mode=None if mode == NO_MODE else mode)


def _in_other_lengths(request: GenerateVideo) -> Iterator[GenerateVideo]:
    lengths = request.row.durations if request.row is not None else ()
    for length in sorted(lengths, key=lambda each: abs(each - request.duration)):
        yield _varied(request, duration=length)


def _varied(request: GenerateVideo, **changes: object) -> GenerateVideo:
    return request.model_copy(update=changes)


def _advice(
    request: GenerateVideo, rule: Rule[GenerateVideo], whole: GenerateVideo | None, unsound: AbstractSet[str]
) -> str:
    if whole is not None:
        return f"{_named(whole, request)} can do the whole request{_warning(whole)}."
    part = _first(_variants(request, CURRENT + RETIRED), [rule], unsound)
    if part is not None:
        return f"{_named(part, request)} can do this, but not the rest of the request{_warning(part)}."
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
    return f", but it is reported retired since {since}: Kling may refuse it, free of charge" if since else ""
