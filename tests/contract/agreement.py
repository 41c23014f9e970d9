"""One set of arguments, asked of our client and of the pretend Kling, and what each of them said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kling_mcp.errors import InvalidRequest, KlingError
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.operations.extend import NativeExtend
from kling_mcp.operations.lip_render import AdvancedLipSync
from kling_mcp.providers import official_v2
from kling_mcp.providers.base import Request

from .by_hand import by_hand
from .values import Pool, Said

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from decimal import Decimal

    from kling_mcp.errors import Problem
    from kling_mcp.operations.base import Generation
    from kling_mcp.providers.official import OfficialProvider

    from .account import Account
    from .values import Json

COMPOSITES = {"lip_sync", "extend_video"}
STEPS: dict[str, type[Generation]] = {step.tool: step for step in (AdvancedLipSync, NativeExtend)}
"""What is posted for a composite; its other steps are tools themselves."""
ASKED: dict[str, type[Generation]] = {
    tool: operation for tool, operation in {**GENERATIONS, **STEPS}.items() if tool not in COMPOSITES
}
_ABSENT: Any = object()
_MISSPELLED = 0.1


@dataclass(frozen=True)
class Case:
    """Arguments as an agent says them, and what they mean in Kling's words."""

    said: Json
    means: Json

    def __str__(self) -> str:
        return ", ".join(f"{name}={short(value)}" for name, value in self.said.items())


def short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 70 else f"{text[:40]}…{text[-20:]} ({len(text)})"


def case_of(arguments: Json) -> Case:
    given = {name: value for name, value in arguments.items() if value is not _ABSENT}
    return Case(
        {name: value.said if isinstance(value, Said) else value for name, value in given.items()},
        {name: value.means if isinstance(value, Said) else value for name, value in given.items()},
    )


def single_changes(pool: Pool, dice: random.Random, most_bases: int) -> Iterator[Case]:
    """Each base; and so many of them with one argument given each value of its pool, or left out."""
    yield from map(case_of, pool.bases)
    for name, values in pool.fields.items():
        for value in values:
            for base in dice.sample(pool.bases, min(most_bases, len(pool.bases))):
                yield case_of(base | {name: value})
        yield from (case_of(base | {name: _ABSENT}) for base in pool.bases if name in base)


def several_changes(pool: Pool, dice: random.Random, count: int) -> Iterator[Case]:
    """So many bases with two to five arguments changed; in some an argument is misspelled."""
    names = list(pool.fields)
    for _ in range(count):
        changed = dice.sample(names, min(len(names), dice.randint(2, 5)))
        arguments = dice.choice(pool.bases) | {name: dice.choice([*pool.fields[name], _ABSENT]) for name in changed}
        yield case_of(arguments | ({"colour": "red"} if dice.random() < _MISSPELLED else {}))


@dataclass(frozen=True)
class Verdict:
    """What both said.

    Attributes:
        problems: What our client finds; empty if it posts.
        sent: What it posts.
        quoted: Units it expects; None where it does not know.
        refused: What the pretend Kling says against the request; empty if it accepts; None where it cannot be asked.
        units: What it charges.
        also: What it says against the same request on the new wire; None where that cannot carry it.
        also_units: What it charges there.
    """

    problems: tuple[Problem, ...] = ()
    sent: Request | None = None
    quoted: Decimal | None = None
    refused: str | None = None
    units: Decimal | None = None
    also: str | None = None
    also_units: Decimal | None = None


class Judge:
    """Asks both."""

    def __init__(self, account: Account, provider: OfficialProvider) -> None:
        self.account, self.provider = account, provider
        self.asked = 0

    async def verdict(self, tool: str, case: Case) -> Verdict:
        case = Case(self.account.filled(case.said), self.account.filled(case.means))
        try:
            operation = ASKED[tool].parse(case.said)
            found = {name: self.account.ours.get(ref) or ref for name, ref in operation.references().items()}
            resolved = operation.resolved(found)
            request = self.provider.prepare(resolved)
        except InvalidRequest as refusal:
            return await self._written(tool, case, refusal)
        refused, units = await self._submitted(request)
        verdict = Verdict(sent=request, quoted=resolved.quote().units, refused=refused, units=units)
        other = self._on_the_other_wire(request)
        if other is None:
            return verdict
        refused, units = await self._submitted(other)
        return replace(verdict, also=refused, also_units=units)

    def _on_the_other_wire(self, request: Request) -> Request | None:
        """The same in the new wire's words, where that has words for it."""
        if request.wire == "v2" or official_v2.obstacle(request.path, request.body) is not None:
            return None
        return Request("v2", *official_v2.rewritten(request.path, request.body))

    async def _submitted(self, request: Request) -> tuple[str, Decimal | None]:
        self.asked += 1
        try:
            await self.provider.submit(request, f"set-{self.asked}")
        except KlingError as refusal:
            return refusal.failure.message, None
        return "", self._charged()

    async def _written(self, tool: str, case: Case, refusal: InvalidRequest) -> Verdict:
        wire = by_hand(tool, case.means)
        if wire is None:
            return Verdict(refusal.problems)
        answer = (await self.account.customer.post(*wire)).json()
        refused = "" if answer["code"] == 0 else f"{answer['code']} {answer['message']}"
        return Verdict(refusal.problems, refused=refused)

    def _charged(self) -> Decimal:
        return self.account.customer.sandbox.state.tasks[-1].units
