"""A web address as an argument: judged by its form, never fetched, never repeated in a refusal."""

from __future__ import annotations

import ipaddress
import re
from typing import NoReturn
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

from kling_mcp.operations.wording import OWN_SENTENCE

MAX_URL = 8192
"""Kling states no limit; addresses signed with a session token pass 2,000 characters."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)


def refuse(sentence: str) -> NoReturn:
    """Refuse a value with a sentence that goes on after the argument's name."""
    raise PydanticCustomError(OWN_SENTENCE, "{sentence}", {"sentence": sentence})


def is_url(value: str) -> bool:
    """Whether a text is an address of some kind (else it may be Base64)."""
    return bool(_SCHEME.match(value))


def web_address(text: str, *, of: str, otherwise: str = "") -> str:
    """The address unchanged, if Kling can fetch it.

    Args:
        text: What was given.
        of: What it should lead to: ``a jpg or png``.
        otherwise: What can be given where no public address can: ``Base64``; empty if nothing can.

    Raises:
        PydanticCustomError: It is not a public http(s) address.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        refuse(f"is not a well-formed URL. Give the address of {of} that starts with https://.")
    if parts.scheme.lower() not in {"http", "https"}:
        refuse(f"has an address that starts with {parts.scheme[:20]}:, but Kling fetches only http:// and https://.")
    if not host or len(text) > MAX_URL or not text.isprintable() or " " in text:
        refuse(f"is not a usable URL: it needs a host, no spaces, and at most {MAX_URL} characters.")
    instead = f", or {otherwise}" if otherwise else ""
    if parts.username is not None or parts.password is not None:
        refuse(f"has a user name or password in its URL. Give an address that needs none{instead}.")
    if _is_private(host):
        give = f"Give {otherwise}." if otherwise else "Give a public address."
        refuse(f"is an address inside a machine or network ({host[:60]}), which Kling cannot reach. {give}")
    return text


def _is_private(host: str) -> bool:
    """Whether only this machine or its network can reach the host. Names are not looked up: rules do no I/O."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host.lower() == "localhost"
