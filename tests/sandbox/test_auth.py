"""Who may ask. Expectations: video.md section 2, table of auth outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jwt
import pytest

from tests.sandbox.shop import START, TEXT, refusal_in

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

pytestmark = pytest.mark.anyio

SECRET = "sandbox-sk-0123456789abcdef0123456789abcdef"  # noqa: S105 - the sandbox's own
LEGACY = [TEXT, "/account/costs?start_time=1&end_time=2"]
NO_KEY_PAIR = (
    "Authentication error. The current API does not support AK/SK; please go to the console "
    "(https://kling.ai/dev/api-key) to create API key."
)


def signed(*, iss: str = "sandbox-ak", starts: float = -5, ends: float = 1800, secret: str = SECRET) -> str:
    claims = {"iss": iss, "exp": int(START + ends), "nbf": int(START + starts)}
    return "Bearer " + jwt.encode(claims, secret, algorithm="HS256", headers={"typ": "JWT"})


async def asked(kling: Customer, path: str, authorization: str | None) -> tuple[int, int, str] | int:
    del kling.client.headers["authorization"]
    headers = {} if authorization is None else {"authorization": authorization}
    answer = await kling.client.get(path, headers=headers)
    return 0 if answer.json()["code"] == 0 else refusal_in(answer)


@pytest.mark.parametrize("path", LEGACY)
@pytest.mark.parametrize(
    ("authorization", "outcome"),
    [
        (None, (401, 1001, "Authorization is empty")),
        ("", (401, 1001, "Authorization is empty")),
        ("Bearer ", (401, 1001, "Authorization is empty")),
        ("Bearer garbage", (401, 1002, "The token was expected to have 3 parts, but got 0")),
        ("Bearer one.dot", (401, 1002, "The token was expected to have 3 parts, but got 2")),
        ("Bearer a.b.c", (401, 1002, "The token's signature is invalid")),
        ("sandbox", (401, 1002, "Authorization is invalid")),
        ("Basic sandbox", (401, 1002, "Authorization is invalid")),
        (signed(secret=SECRET[::-1]), (401, 1002, "The token's signature is invalid")),
        (signed(iss="somebody"), (401, 1000, "Authentication failed")),
        (signed(starts=60), (401, 1003, "Authorization is not valid yet")),
        (signed(ends=-1), (401, 1004, "Authorization has expired")),
        (signed(), 0),
        ("Bearer sandbox", 0),
    ],
)
async def test_legacy_and_account_take_an_api_key_or_a_signed_token(
    kling: Customer, path: str, authorization: str | None, outcome: object
) -> None:
    assert await asked(kling, path, authorization) == outcome


@pytest.mark.parametrize("authorization", [None, "", "Bearer garbage", "sandbox", signed(), signed(ends=-1)])
async def test_the_new_standard_refuses_everything_but_an_api_key_with_one_text(
    kling: Customer, authorization: str | None
) -> None:
    assert await asked(kling, "/tasks?task_ids=1", authorization) == (401, 1002, NO_KEY_PAIR)


async def test_the_new_standard_takes_an_api_key(kling: Customer) -> None:
    assert await asked(kling, "/tasks?task_ids=1", "Bearer sandbox") == 0


async def test_a_token_expires_by_the_clock(kling: Customer) -> None:
    token = signed()
    kling.clock.advance(1801)
    assert await asked(kling, TEXT, token) == (401, 1004, "Authorization has expired")


async def test_an_unsigned_token_is_refused(kling: Customer) -> None:
    token = jwt.encode({"iss": "sandbox-ak", "exp": int(START + 60)}, "", algorithm="none")
    assert await asked(kling, TEXT, f"Bearer {token}") == (401, 1002, "The token's signature is invalid")
