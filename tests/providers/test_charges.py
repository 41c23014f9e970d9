"""What was deducted, row by row. Rows typed in from video.md part D."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx2
import pytest

from kling_mcp.errors import Busy, KlingError, NotAuthorised, Unavailable
from kling_mcp.providers.base import Charge, Charges

from .far_side import FarSide, answered, pair, refused

pytestmark = pytest.mark.anyio

HEAD: dict[str, Any] = {
    "task_id": "893605946402811985",
    "api_key_name": "studio",
    "product_function": "Text to Video",
    "model_name": "kling-v3",
    "resolution": "720p",
    "duration": "5.04",
    "refer_video_input": False,
    "video_sound": "off",
    "voice_control": False,
    "deduction_time": "1781080894151",
}
UNITS = {
    **HEAD,
    "package_id": "509f3fd3d4f644ce9a0b1b1b1b1b1b1b",
    "product_type": "video",
    "unit_before_deduction": "100",
    "deduction_amount": "3",
    "unit_after_deduction": "97",
}
MONEY = {
    **HEAD,
    "cash_type": "balance",
    "balance_before_deduction": "10",
    "deduction_amount": "0.42",
    "balance_after_deduction": "9.58",
    "list_price": "0.42",
    "currency": "USD",
}
HEADED: dict[str, Any] = {
    "task_id": "893605946402811985",
    "function": "Text to Video",
    "model_name": "kling-v3",
    "at": 1_781_080_894.151,
    "key_name": "studio",
    "duration": "5.04",
    "resolution": "720p",
}


def page(*rows: object, **more: object) -> httpx2.Response:
    return answered(
        {"result": {"detail": list(rows), "count": len(rows)}, "next_cursor": "", "has_more": False, **more}
    )


async def test_both_spellings_of_the_third_pack_mean_the_same() -> None:
    rows = [{**UNITS, "product_type": name} for name in ("try-on", "try_on")]
    charges = await FarSide([page(*rows)]).provider().charges(0.0, 2e9, cash=False, limit=50)
    assert [charge.package for charge in charges.charges] == ["try-on", "try-on"]


async def test_units_and_money_are_asked_for_apart() -> None:
    far_side = FarSide([page(UNITS), page(MONEY)])
    provider = far_side.provider()
    units = await provider.charges(1_781_000_000.5, 1_782_000_000.0, cash=False, limit=100)
    assert units == Charges((Charge(**HEADED, amount=Decimal(3), package="video"),))
    money = await provider.charges(0, 1, cash=True, limit=9999)
    assert money == Charges((Charge(**HEADED, amount=Decimal("0.42"), currency="USD"),))
    assert far_side.lines == ["POST /account/billing/package", "POST /account/billing/balance"]
    assert far_side.body(0) == {"limit": 100, "start_time": 1_781_000_000_500, "end_time": 1_782_000_000_000}
    assert far_side.body(1) == {"limit": 500, "start_time": 0, "end_time": 1000}


async def test_the_next_page_is_asked_for_by_its_cursor_alone() -> None:
    far_side = FarSide([page(UNITS, next_cursor="c2==", has_more=True), page(next_cursor="c3", has_more=False)])
    provider = far_side.provider()
    assert (await provider.charges(0, 1, cash=False, limit=1)).cursor == "c2=="
    assert await provider.charges(0, 1, cash=False, limit=1, cursor="c2==") == Charges(())
    assert far_side.body(1) == {"limit": 1, "cursor": "c2=="}


async def test_the_newest_come_first_and_rows_without_an_amount_are_left_out() -> None:
    old, new = {**UNITS, "deduction_time": 1000}, {**UNITS, "deduction_time": "2000"}
    bare = {"deduction_amount": 1}
    odd: list[Any] = [{**UNITS, "deduction_amount": "much"}, None, "x", {}]
    charges = (await FarSide([page(old, bare, *odd, new)]).provider().charges(0, 9, cash=False, limit=10)).charges
    assert [charge.at for charge in charges] == [2.0, 1.0, 0.0]
    assert charges[2] == Charge("", "", "", 0.0, Decimal(1))


@pytest.mark.parametrize("payload", [{"result": None, "has_more": False}, {"has_more": False, "next_cursor": ""}])
async def test_no_rows_are_no_charges(payload: object) -> None:
    assert await FarSide([answered(payload)]).provider().charges(0, 1, cash=False, limit=10) == Charges(())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (answered(None), Unavailable),
        (answered([]), Unavailable),
        (answered({}), Unavailable),
        (refused(400, 1201, "start_time is required"), Unavailable),
        (refused(401, 1002), NotAuthorised),
        (refused(429, 1302), Busy),
    ],
)
async def test_an_answer_that_cannot_be_read_is_not_no_charges(answer: httpx2.Response, kind: type[KlingError]) -> None:
    with pytest.raises(kind):
        await FarSide([answer]).provider().charges(0, 1, cash=False, limit=10)


async def test_the_question_is_repeated_through_a_short_illness() -> None:
    far_side = FarSide([httpx2.ReadError("reset"), refused(503, 5001), page(UNITS)])
    assert len((await far_side.provider().charges(0, 1, cash=False, limit=10)).charges) == 1
    assert len(far_side.requests) == 3


async def test_a_pair_that_these_lists_do_not_take_is_told_to_get_a_key() -> None:
    for credential, words in ((pair(), "does not list charges"), (None, "does not know this credential")):
        with pytest.raises(NotAuthorised, match=words) as refusal:
            await FarSide([refused(401, 1002)]).provider(credential).charges(0, 1, cash=False, limit=10)
        assert "KLING_API_KEY" in refusal.value.failure.fix
    assert len((await FarSide([page(UNITS)]).provider(pair()).charges(0, 1, cash=False, limit=10)).charges) == 1
