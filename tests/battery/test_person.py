"""The battery as a person would play it (``person``): twenty films, each made once, paid once and on disk."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from .person import FILMS, played
from .say import say
from .seeds import chosen

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.battery, pytest.mark.anyio]


async def test_twenty_films_survive_five_kills_and_half_a_minute_without_kling(tmp_path: Path) -> None:
    outcome = await played(tmp_path, chosen("twenty films, two clients, five kills"))
    say(outcome.table())
    found, diary = outcome.found, outcome.diary
    assert found.unfinished == []
    assert found.doubled == []
    assert found.unexplained == []
    assert found.lost(diary.jobs.values()) == []
    assert (found.intents, found.creates, found.charges, outcome.files) == (FILMS, FILMS, FILMS, FILMS)
    assert sorted(each["job_id"] for each in diary.charges) == [row["id"] for row in found.rows]
    assert Decimal(found.kling["units_deducted"]) == sum(Decimal(row["units_charged"]) for row in found.rows)
    assert found.integrity == "ok"
