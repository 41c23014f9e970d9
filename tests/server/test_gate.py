"""Who may come in over HTTP: a table of requests, each with what it gets."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from kling_mcp.server.gate import Admission, is_loopback
from kling_mcp.settings import Settings

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - a made-up token
LOCAL = Admission.of(Settings(), "127.0.0.1")
PUBLIC = Admission.of(
    Settings(public_url="https://kling.example.org", http_token=SecretStr(TOKEN)),
    "0.0.0.0",  # noqa: S104 - never bound here
)


def verdict(admission: Admission, path: str = "/mcp", **headers: str) -> int | None:
    objection = admission.objection(path, Headers(headers))
    return objection and objection[0]


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LocalHost:1", "[::1]:8000"])
def test_this_machine_is_let_in_by_any_of_its_names(host: str) -> None:
    assert verdict(LOCAL, host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "127.0.0.1@evil.example",
        "evil.example@127.0.0.1",
        "localhost:8000/evil",
        "localhost, evil.example",
        "2130706433",
        "0.0.0.0:8000",
        "",
        "[::1",
    ],
)
@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/", "/health", "/anything"])
def test_a_name_that_an_attacker_may_have_pointed_here_is_turned_away_on_every_path(path: str, host: str) -> None:
    assert verdict(LOCAL, path, host=host) == 421


def test_a_missing_or_doubled_host_is_turned_away() -> None:
    assert verdict(LOCAL) == 421
    doubled = Headers(raw=[(b"host", b"localhost"), (b"host", b"evil.example")])
    assert LOCAL.objection("/mcp", doubled) is not None


@pytest.mark.parametrize("origin", ["http://localhost:6274", "http://127.0.0.1:8000", "https://[::1]:9"])
def test_a_page_of_this_machine_may_call(origin: str) -> None:
    assert verdict(LOCAL, host="localhost:8000", origin=origin) is None


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://localhost.evil.example", "http://localhost@evil.example", "file://", "x"],
)
@pytest.mark.parametrize("path", ["/mcp", "/sse", "/health"])
def test_a_page_from_elsewhere_is_turned_away_on_every_path(path: str, origin: str) -> None:
    assert verdict(LOCAL, path, host="localhost:8000", origin=origin) == 403


def test_the_public_name_is_let_in_with_the_token() -> None:
    bearer = f"Bearer {TOKEN}"
    host, origin = "kling.example.org", "https://kling.example.org"
    assert verdict(PUBLIC, host=host, origin=origin, authorization=bearer) is None
    assert verdict(PUBLIC, host=host, origin="http://kling.example.org", authorization=bearer) == 403
    assert verdict(PUBLIC, host="other.example.org", authorization=bearer) == 421


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \xe9"],
)
@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/"])
def test_without_the_right_token_nobody_gets_past_the_gate(path: str, authorization: str) -> None:
    assert verdict(PUBLIC, path, host="localhost", authorization=authorization) == 401


def test_health_needs_no_token_and_nothing_does_where_none_is_set() -> None:
    assert verdict(PUBLIC, "/health", host="localhost") is None
    assert verdict(LOCAL, host="localhost") is None


def test_the_token_itself_is_not_kept() -> None:
    assert TOKEN not in repr(PUBLIC)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)]
    + [(host, False) for host in ("0.0.0.0", "::", "192.168.1.5", "kling.example.org", "")],  # noqa: S104 - never bound
)
def test_only_this_machine_reaches_a_loopback_address(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback
