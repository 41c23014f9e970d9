"""What an account still has."""

from __future__ import annotations

from decimal import Decimal

import httpx2
import pytest

from kling_mcp.errors import KlingError, NotAuthorised, OutOfCredit, Unavailable
from kling_mcp.providers.base import Balance, Pack

from .far_side import FarSide, answered, pair, refused

pytestmark = pytest.mark.anyio

PACK = {
    "resource_pack_name": "Trial-Video-100Units-5Con-1Months",
    "resource_pack_id": "509f3fd3d4f644ce9a0b1b1b1b1b1b1b",
    "resource_pack_type": "decreasing_total",
    "total_quantity": 100.0,
    "remaining_quantity": 87.5,
    "purchase_time": 1781080778802,
    "effective_time": 1781080778802,
    "invalid_time": 1783672778802,
    "status": "online",
}


def inner(code: object = 0, **more: object) -> httpx2.Response:
    return answered({"code": code, "msg": "成功", **more})


async def test_the_packs_are_read_out_of_both_envelopes_with_either_credential() -> None:
    for credential in (None, pair()):
        far_side = FarSide([inner(resource_pack_subscribe_infos=[PACK])])
        assert await far_side.provider(credential).balance() == Balance(
            (Pack("Trial-Video-100Units-5Con-1Months", "online", Decimal("100.0"), Decimal("87.5"), 1_783_672_778.802),)
        )
        sent = far_side.requests[0]
        end = far_side.clock.now() * 1000
        assert sent.url.path == "/account/costs"
        assert dict(sent.url.params) == {"start_time": str(int(end - 365 * 86_400_000)), "end_time": str(int(end))}


@pytest.mark.parametrize(
    "answer", [inner(resource_pack_subscribe_infos=[]), inner(resource_pack_subscribe_infos=None), inner()]
)
async def test_an_account_without_packs_has_none(answer: httpx2.Response) -> None:
    assert await FarSide([answer]).provider().balance() == Balance()


async def test_a_pack_with_missing_or_odd_fields_is_shown_as_far_as_it_goes() -> None:
    far_side = FarSide(
        [inner(resource_pack_subscribe_infos=[{}, {**PACK, "total_quantity": "1e2", "invalid_time": 0}])]
    )
    assert await far_side.provider().balance() == Balance(
        (
            Pack("unnamed", "unknown", Decimal(0), Decimal(0)),
            Pack("Trial-Video-100Units-5Con-1Months", "online", Decimal(100), Decimal("87.5"), 0.0),
        )
    )


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (inner(1002), NotAuthorised),
        (inner("1101"), OutOfCredit),
        (inner(5000), Unavailable),
        (inner(77), Unavailable),
        (inner(1201), Unavailable),
        (answered(None), Unavailable),
        (answered([]), Unavailable),
        (refused(401, 1000), NotAuthorised),
        (refused(400, 1201, "start_time is required"), Unavailable),
        (httpx2.Response(200, html="<html>"), Unavailable),
    ],
)
async def test_the_second_code_counts_as_much_as_the_first(answer: httpx2.Response, kind: type[KlingError]) -> None:
    with pytest.raises(KlingError) as error:
        await FarSide([answer]).provider().balance()
    assert isinstance(error.value, kind)


async def test_kling_is_asked_at_most_once_a_second() -> None:
    far_side = FarSide([inner()])
    provider = far_side.provider()
    await provider.balance()
    await provider.balance()
    far_side.clock.advance(5)
    await provider.balance()
    assert far_side.clock.naps == [1.0]
