"""Secrets never reach standard error, at any level, however a library happens to log them."""

from __future__ import annotations

import logging
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
def configured() -> Generator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in root.manager.loggerDict}
    root.handlers.clear()
    logs.configure(SETTINGS)
    yield
    root.handlers[:], root.level = handlers, level
    for name in root.manager.loggerDict:
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


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


@pytest.mark.usefixtures("configured")
def test_the_configured_secrets_are_hidden_wherever_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in CANARIES.items():
        logging.getLogger(name).error("leaking %s", {"x": value})
    written = capsys.readouterr().err
    assert written.count("***") == len(CANARIES)
    assert "canary" not in written


@pytest.mark.usefixtures("configured")
def test_tracebacks_are_redacted_too(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        int(CANARIES["api_key"])
    except ValueError:
        logging.getLogger("anywhere").exception("broken")
    written = capsys.readouterr().err
    assert "Traceback" in written
    assert "canary" not in written


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("name", ["httpx", "httpx2", "httpcore"])
def test_http_clients_do_not_log_addresses_even_under_debug(name: str) -> None:
    assert not logging.getLogger(name).isEnabledFor(logging.INFO)


@pytest.mark.usefixtures("configured")
def test_nothing_is_written_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("x").critical("hello")
    out, err = capsys.readouterr()
    assert (out, "hello" in err) == ("", True)


def test_a_malformed_record_says_where_it_came_from_and_nothing_more(capsys: pytest.CaptureFixture[str]) -> None:
    output = logs.StandardError()
    output.handle(logging.LogRecord("x", logging.ERROR, "/src/x.py", 7, "%d of them", (CANARIES["api_key"],), None))
    assert capsys.readouterr().err == "ERROR x: a record from /src/x.py:7 is malformed\n"
