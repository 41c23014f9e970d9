"""The two ways to show Kling who we are. Neither ever shows itself to a log: secrets are ``SecretStr`` throughout.

Contract: video.md section 2.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from typing import TYPE_CHECKING, ClassVar

from pydantic import SecretStr

from kling_mcp.errors import InvalidRequest

if TYPE_CHECKING:
    from kling_mcp.providers.base import Wire

TOKEN_LIFE_S = 1800.0
"""Life of a signed token."""
RESIGN_BEFORE_S = 300.0
"""A token this close to its end is replaced: a POST may take two minutes."""
TOKEN_BACKDATE_S = 5.0
"""How far before now a token becomes valid, so that a slightly slow server accepts it."""
CLOCKS_AGREE_S = 2.0
"""The Date header counts whole seconds: smaller differences mean nothing."""

_PRINTABLE = re.compile(r"[!-~]+")


class ApiKey:
    """An API key: sent as it is, to both wires."""

    wires: ClassVar[frozenset[Wire]] = frozenset({"v1", "v2"})

    def __init__(self, key: SecretStr) -> None:
        self._key = _checked("KLING_API_KEY", key)

    @property
    def fingerprint(self) -> str:
        """Which account this is, as far as we can tell. Not reversible."""
        return _digest(self._key)

    def bearer(self, now: float) -> str:  # noqa: ARG002 - a key has no age; the pair's token has
        """The value after ``Bearer``."""
        return self._key.get_secret_value()

    def corrected(self, server_time: float | None, now: float) -> bool:  # noqa: ARG002 - nothing to correct
        """Whether another try can help after Kling called the token stale. Never: a key has no clock."""
        return False


class KeyPair:
    """An access key and its secret: signed into short-lived tokens (JWT, HS256). Legacy wire only."""

    wires: ClassVar[frozenset[Wire]] = frozenset({"v1"})

    def __init__(self, access_key: SecretStr, secret_key: SecretStr) -> None:
        self._access = _checked("KLING_ACCESS_KEY", access_key)
        self._secret = _checked("KLING_SECRET_KEY", secret_key)
        self._ahead = 0.0  # how far Kling's clock is ahead of ours, seconds
        self._token = SecretStr("")
        self._signed_at = -TOKEN_LIFE_S  # on Kling's clock

    @property
    def fingerprint(self) -> str:
        """Which account this is, as far as we can tell. Not reversible."""
        return _digest(self._access)

    def bearer(self, now: float) -> str:
        """A token good for at least ``RESIGN_BEFORE_S`` more, signed anew only when the last one is not."""
        theirs = now + self._ahead
        if not 0.0 <= theirs - self._signed_at < TOKEN_LIFE_S - RESIGN_BEFORE_S:
            self._token, self._signed_at = self._signed(theirs), theirs
        return self._token.get_secret_value()

    def corrected(self, server_time: float | None, now: float) -> bool:
        """Learn Kling's clock after it called the token stale.

        Returns:
            Whether the next token will differ in time from the refused one. False means that clocks are not to blame.
        """
        ahead = self._ahead if server_time is None else server_time - now
        aged = now + self._ahead - self._signed_at > CLOCKS_AGREE_S
        if abs(ahead - self._ahead) <= CLOCKS_AGREE_S and not aged:
            return False
        self._ahead, self._signed_at = ahead, -TOKEN_LIFE_S
        return True

    def _signed(self, theirs: float) -> SecretStr:
        import jwt  # noqa: PLC0415 - loaded at first use: it slows the start

        claims = {
            "iss": self._access.get_secret_value(),
            "exp": int(theirs + TOKEN_LIFE_S),
            "nbf": int(theirs - TOKEN_BACKDATE_S),
        }
        with warnings.catch_warnings():
            # Kling chose the length of its secrets; its user cannot act on the library's advice about it.
            warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
            return SecretStr(jwt.encode(claims, self._secret.get_secret_value(), algorithm="HS256"))


Credential = ApiKey | KeyPair


def _checked(name: str, secret: SecretStr) -> SecretStr:
    """A secret without the blanks that copying adds. Never quoted back.

    Raises:
        InvalidRequest: It cannot be part of an HTTP header.
    """
    value = secret.get_secret_value().strip()
    if not _PRINTABLE.fullmatch(value):
        raise InvalidRequest.one(
            name,
            f"{name} is not a usable credential: it is empty, or contains blanks or characters outside ASCII. "
            "Copy it once more, without quotes and without the word Bearer.",
        )
    return SecretStr(value)


def _digest(identity: SecretStr) -> str:
    return hashlib.sha256(identity.get_secret_value().encode()).hexdigest()
