"""What a person sees whose set-up is wrong, from the real command: it starts, and the first call says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .processes import PretendKling, StdioServer, environment, pretend_kling

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@pytest.fixture(scope="module")
def kling() -> Generator[PretendKling]:
    with pretend_kling("--speed", "100") as running:
        yield running


def said(env: dict[str, str], **arguments: object) -> tuple[dict[str, Any], str]:
    """What a fresh server answers to one generate_video: its error, and its text."""
    with StdioServer(env) as server:
        answer = server.ask(
            "tools/call", {"name": "generate_video", "arguments": {"prompt": "a kite", "wait_seconds": 1, **arguments}}
        )
    return answer["structuredContent"].get("error") or answer["structuredContent"], answer["content"][0]["text"]


def test_without_a_key_it_starts_and_says_where_to_get_one(tmp_path: Path) -> None:
    error, text = said(environment(tmp_path))
    assert (error["code"], error["charged"]) == ("not_configured", False)
    assert "https://kling.ai/dev/api-key" in text
    assert "KLING_API_KEY" in text
    assert "KLING_PROVIDER=sandbox" in text


def test_half_a_key_pair_is_said_to_be_half(tmp_path: Path) -> None:
    _, text = said(environment(tmp_path, KLING_ACCESS_KEY="half"))
    assert "KLING_ACCESS_KEY is set but KLING_SECRET_KEY is not" in text


def test_a_wrong_key_is_said_to_be_wrong(kling: PretendKling, tmp_path: Path) -> None:
    error, text = said(environment(tmp_path, KLING_BASE_URL=kling.url, KLING_API_KEY="wrong-key-canary"))
    assert (error["code"], error["charged"], error["retryable"]) == ("1002", False, False)
    assert "KLING_API_KEY" in text
    assert "KLING_REGION" in text
    assert "canary" not in text


def test_a_retired_model_is_refused_with_the_one_to_use(kling: PretendKling, tmp_path: Path) -> None:
    env = environment(tmp_path, KLING_BASE_URL=kling.url, KLING_API_KEY="sandbox")
    error, text = said(env, model_name="kling-v1")
    assert error["charged"] is False
    assert "kling-v1" in text
    assert "kling-v3" in text


def test_a_host_nobody_answers_at_is_named_and_the_job_waits_uncharged(tmp_path: Path) -> None:
    view, text = said(environment(tmp_path, KLING_BASE_URL="http://127.0.0.1:9", KLING_API_KEY="any"))
    assert view["status"] == "queued"
    assert "127.0.0.1:9" in text
    assert "Nothing was charged" in text
    assert "KLING_BASE_URL" in text


def test_a_ledger_that_cannot_be_written_stops_the_payment_not_the_server(kling: PretendKling, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    before = kling.ledger()["creates"]
    error, text = said(environment(tmp_path, KLING_BASE_URL=kling.url, KLING_API_KEY="sandbox"))
    assert (error["code"], error["charged"]) == ("ledger_unusable", False)
    assert "KLING_DATABASE_URL" in text
    assert kling.ledger()["creates"] == before
