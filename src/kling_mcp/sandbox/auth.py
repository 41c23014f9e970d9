"""Who may ask: an API key, or a JWT signed with the account's key pair. The texts are captured ones.

Contract: video.md section 2, table of outcomes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from kling_mcp.sandbox.wire import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

API_KEY = "sandbox"
ACCESS_KEY = "sandbox-ak"
SECRET_KEY = "sandbox-sk-0123456789abcdef0123456789abcdef"  # noqa: S105 - opens nothing but the sandbox

NO_KEY_PAIR = (
    "Authentication error. The current API does not support AK/SK; please go to the console "
    "(https://kling.ai/dev/api-key) to create API key."
)


def check_standard(header: str | None) -> None:
    """Who may use the new standard: an API key, nothing else.

    Raises:
        Refusal: 1002, with the one text Kling has for everything else.
    """
    if _token(header) != API_KEY:
        raise Refusal(1002, NO_KEY_PAIR)


def check_legacy(header: str | None, date: Callable[[], float]) -> None:
    """Who may use ``/v1`` and ``/account``: an API key or a JWT.

    Args:
        header: The ``Authorization`` header.
        date: What JWTs are dated by, unix seconds.

    Raises:
        Refusal: 1000 to 1004.
    """
    token = _token(header)
    if token is None:
        raise Refusal(1002)  # [OWN]
    if not token:
        raise Refusal(1001)
    if token != API_KEY:
        _check_dates(_claims(token), date())


def _token(header: str | None) -> str | None:
    """What follows ``Bearer``, empty if there is nothing at all; None for what does not begin so."""
    scheme, _, token = (header or "").strip().partition(" ")
    return token.strip() if scheme.lower() in {"bearer", ""} else None


def _claims(token: str) -> dict[str, Any]:
    import jwt  # noqa: PLC0415 - loaded at first use: it slows the start

    dots = token.count(".")
    if dots != 2:  # noqa: PLR2004 - header, claims and signature
        found = {0: "0", 1: "2"}.get(dots, "> 3")
        raise Refusal(1002, f"The token was expected to have 3 parts, but got {found}")
    unchecked = {"verify_signature": False}
    try:
        issuer: object = jwt.decode(token, options=cast("Any", unchecked)).get("iss")
        if issuer != ACCESS_KEY:
            raise Refusal(1000)  # an unknown access key [OWN]
        dates_by_us: Any = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud"), False)
        return jwt.decode(token, SECRET_KEY, algorithms=["HS256"], options=dates_by_us)
    except jwt.InvalidTokenError:
        raise Refusal(1002, "The token's signature is invalid") from None  # [OWN]


def _check_dates(claims: dict[str, Any], now: float) -> None:
    try:
        starts, ends = float(claims.get("nbf", 0)), float(claims["exp"])
    except (KeyError, TypeError, ValueError):
        raise Refusal(1002) from None
    if now < starts:
        raise Refusal(1003)
    if now >= ends:
        raise Refusal(1004)
