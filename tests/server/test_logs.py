"""Secrets never reach standard error, at any level, however a library happens to log them."""

from __future__ import annotations

import io
import logging
import sys
from typing import TYPE_CHECKING

import pytest

from kling_mcp import logs
from kling_mcp.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhayJ9.c2lnbmF0dXJl"
CANARIES = {
    "api_key": "canary-api-key-0001",
    "access_key": "canary-access-0002",
    "secret_key": "canary-secret-0003",
    "http_token": "canary-http-0004",
}
SETTINGS = Settings.model_validate({"log_level": "DEBUG", **CANARIES})


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Generator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    logs.configure(SETTINGS)
    yield written
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (f"Authorization: Bearer {JWT}", "Authorization: ***"),
        ("{'authorization': 'Bearer abcdefghijkl', 'accept': 'x'}", "{'authorization': '***', 'accept': 'x'}"),
        ("headers [(b'Authorization', b'Basic dXNlcjpwYXNz')]", "headers [(b'Authorization', b'***')]"),
        ("sent bearer abcdefghijklmnop to it", "sent bearer *** to it"),
        (f"token {JWT} expired", "token *** expired"),
        ("secret whsec_AbC123+/= rejected", "secret *** rejected"),
        ("GET https://cdn.example/v.mp4?sign=abc&t=1 done", "GET https://cdn.example/v.mp4?*** done"),
        ('"GET /messages/?session_id=abc HTTP/1.1" 202', '"GET /messages/?*** HTTP/1.1" 202'),
        ("via https://me:pw@proxy.example/x", "via https://***@proxy.example/x"),
        ("is it here? yes", "is it here? yes"),
    ],
)
def test_a_secret_is_hidden_and_the_rest_stays_readable(line: str, kept: str) -> None:
    assert logs.RedactingFormatter().redacted(line) == kept


def test_the_configured_secrets_are_hidden_wherever_they_stand(stderr: io.StringIO) -> None:
    for name, value in CANARIES.items():
        logging.getLogger(name).error("leaking %s", {"x": value})
    assert stderr.getvalue().count("***") == len(CANARIES)
    assert "canary" not in stderr.getvalue()


def test_tracebacks_are_redacted_too(stderr: io.StringIO) -> None:
    try:
        int(CANARIES["api_key"])
    except ValueError:
        logging.getLogger("anywhere").exception("broken")
    assert "Traceback" in stderr.getvalue()
    assert "canary" not in stderr.getvalue()


@pytest.mark.usefixtures("stderr")
@pytest.mark.parametrize("name", ["httpx", "httpx2", "httpcore"])
def test_http_clients_do_not_log_addresses_even_under_debug(name: str) -> None:
    assert not logging.getLogger(name).isEnabledFor(logging.INFO)


def test_nothing_is_written_to_standard_output(stderr: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("x").critical("hello")
    assert "hello" in stderr.getvalue()
    assert capsys.readouterr().out == ""
