"""Who we are to Kling: a key as it is, or a pair signed into tokens that survive a wrong clock."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from pydantic import SecretStr

from kling_mcp.clock import ManualClock
from kling_mcp.errors import InvalidRequest, NotAuthorised, Unavailable
from kling_mcp.providers.base import Request, TaskRef
from kling_mcp.providers.credentials import ApiKey, KeyPair
from kling_mcp.providers.official import OfficialProvider

from .far_side import ACCESS, BASE, KEY, SECRET, FarSide, HurryingClock, answered, legacy_task, pair, refused

if TYPE_CHECKING:
    import httpx2

pytestmark = pytest.mark.anyio

CREATE = Request("v1", "/v1/videos/text2video", {"prompt": "a gull"})
REF = TaskRef("v1", "/v1/videos/text2video", "km1-A", "893605946402811901")


def opened(token: str) -> dict[str, Any]:
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    return jwt.decode(
        token, SECRET.get_secret_value(), algorithms=["HS256"], options={"verify_exp": False, "verify_nbf": False}
    )


async def test_a_token_has_exactly_the_claims_kling_documents() -> None:
    now = ManualClock().now()
    assert opened(pair().bearer(now)) == {
        "iss": ACCESS.get_secret_value(),
        "exp": int(now) + 1800,
        "nbf": int(now) - 5,
    }


async def test_a_token_is_reused_and_replaced_well_before_it_ends() -> None:
    credential, now = pair(), ManualClock().now()
    first = credential.bearer(now)
    assert credential.bearer(now + 1499) == first
    second = credential.bearer(now + 1501)
    assert opened(second)["exp"] == int(now) + 1501 + 1800


async def test_a_token_from_the_future_is_replaced_when_the_clock_is_set_back() -> None:
    credential, now = pair(), ManualClock().now()
    credential.bearer(now)
    assert opened(credential.bearer(now - 3600))["nbf"] == int(now) - 3605


async def test_a_short_secret_is_signed_without_a_warning() -> None:
    assert KeyPair(ACCESS, SecretStr("short")).bearer(0.0)


@pytest.mark.parametrize("value", ["", "   ", "two words", "Bearer abc", "line\nbreak", "schlüssel", "nul\x00"])
async def test_an_unusable_credential_is_refused_without_being_quoted(value: str) -> None:
    for make, name in (
        (lambda: ApiKey(SecretStr(value)), "KLING_API_KEY"),
        (lambda: KeyPair(SecretStr(value), SECRET), "KLING_ACCESS_KEY"),
        (lambda: KeyPair(ACCESS, SecretStr(value)), "KLING_SECRET_KEY"),
    ):
        with pytest.raises(InvalidRequest, match=name) as refusal:
            make()
        assert not value.strip() or value not in str(refusal.value)


async def test_blanks_around_a_copied_key_are_dropped() -> None:
    assert ApiKey(SecretStr(" abc\n")).bearer(0.0) == "abc"


async def test_an_account_is_one_credential_at_one_address_and_tells_neither() -> None:
    here, there = FarSide([]).door(), FarSide([]).door("https://elsewhere.test")
    accounts = [
        OfficialProvider(here, ApiKey(KEY)).account,
        OfficialProvider(there, ApiKey(KEY)).account,
        OfficialProvider(here, ApiKey(SecretStr("another"))).account,
        OfficialProvider(here, pair()).account,
    ]
    assert len(set(accounts)) == 4
    assert OfficialProvider(here, KeyPair(ACCESS, SecretStr("renewed"))).account == accounts[3]
    assert all(len(account) == 16 and account.isalnum() for account in accounts)


def _http_date(moment: float) -> str:
    return formatdate(moment, usegmt=True)


def kling_ahead_by(ahead: float) -> FarSide:
    """A Kling whose clock is ``ahead`` of ours and which checks tokens by it."""
    clock = HurryingClock()

    def answer(request: httpx2.Request) -> httpx2.Response:
        theirs = clock.now() + ahead
        claims = opened(request.headers["authorization"].removeprefix("Bearer "))
        date = {"Date": _http_date(theirs)}
        if claims["nbf"] > theirs:
            return refused(401, 1003, headers=date)
        if claims["exp"] < theirs:
            return refused(401, 1004, headers=date)
        return answered(legacy_task(1))

    return FarSide([answer], clock=clock)


@pytest.mark.parametrize("ahead", [-7200.0, -60.0, 1900.0, 86_400.0])
async def test_a_read_learns_kling_s_clock_and_works_at_once(ahead: float) -> None:
    far_side = kling_ahead_by(ahead)
    provider = far_side.provider(pair())
    for _ in range(2):
        assert (await provider.look_up([REF]))["km1-A"].status == "processing"
    assert len(far_side.requests) == 3


@pytest.mark.parametrize("ahead", [-7200.0, 86_400.0])
async def test_a_create_refused_for_its_clock_is_left_to_the_engine_and_works_the_next_time(ahead: float) -> None:
    far_side = kling_ahead_by(ahead)
    provider = far_side.provider(pair())
    with pytest.raises(Unavailable, match="clock") as stale:
        await provider.submit(CREATE, "km1-A")
    assert (stale.value.failure.charged, len(far_side.requests)) == (False, 1)
    assert (await provider.submit(CREATE, "km1-A")).task_id == "893605946402811901"
    assert len(far_side.requests) == 2


@pytest.mark.parametrize("code", [1003, 1004])
async def test_a_token_refused_although_the_clocks_agree_is_a_matter_for_the_human(code: int) -> None:
    clock = HurryingClock()
    far_side = FarSide([lambda _: refused(401, code, headers={"Date": _http_date(clock.now())})], clock=clock)
    provider = far_side.provider(pair())
    with pytest.raises(NotAuthorised, match="two clocks disagree"):
        await provider.submit(CREATE, "km1-A")
    with pytest.raises(NotAuthorised):
        await provider.look_up([REF])
    assert len(far_side.requests) == 2


async def test_an_old_token_refused_without_a_date_is_signed_once_more() -> None:
    far_side = FarSide([answered(legacy_task(1)), refused(401, 1004), answered(legacy_task(1))])
    provider = far_side.provider(pair())
    await provider.look_up([REF])
    far_side.clock.advance(60)
    await provider.look_up([REF])
    tokens = [r.headers["authorization"] for r in far_side.requests]
    assert tokens[0] == tokens[1] != tokens[2]


async def test_an_api_key_called_stale_is_a_matter_for_the_human() -> None:
    far_side = FarSide([refused(401, 1004, headers={"Date": _http_date(0.0)})])
    with pytest.raises(NotAuthorised):
        await far_side.provider(ApiKey(KEY)).submit(CREATE, "km1-A")
    assert len(far_side.requests) == 1
    assert far_side.requests[0].url.host == BASE.removeprefix("https://")
