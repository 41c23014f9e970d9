"""The command line: what it says when something is wrong, and how it ends."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from kling_mcp.cli import main

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "kling_mcp"]


@pytest.mark.parametrize("command", [[], ["http", "--port", "0"]])
def test_a_bad_setting_is_one_sentence_per_variable(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KLING_WAIT_SECONDS", "900")
    monkeypatch.setenv("KLING_REGION", "mars")
    assert main(command) == 2
    output = capsys.readouterr()
    assert (output.out, output.err.splitlines()) == (
        "",
        [
            "kling-mcp: The configuration is wrong.",
            "KLING_REGION: should be 'global' or 'china'. Set it differently or remove it.",
            "KLING_WAIT_SECONDS: should be less than or equal to 55. Set it differently or remove it.",
        ],
    )


def test_a_secret_put_in_the_wrong_variable_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KLING_REGION", "a-very-secret-key")
    assert main([]) == 2
    assert "secret" not in capsys.readouterr().err


@pytest.mark.parametrize("url", ["postgres://canary@db/kling", "http://x", "sqlite://ledger.db"])
def test_a_ledger_that_is_no_file_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KLING_DATABASE_URL", url)
    assert main([]) == 2
    error = capsys.readouterr().err
    assert "KLING_DATABASE_URL: must be sqlite:/// and the path of a file." in error
    assert "canary" not in error


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_closed_pipe_is_said_in_one_sentence(closed: str) -> None:
    line = shlex.join(COMMAND) + " " + closed
    asked = subprocess.run(
        ["/bin/sh", "-c", line], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    assert asked.returncode == 2
    assert asked.stderr.startswith("kling-mcp: It speaks MCP on standard input and output")


@pytest.mark.parametrize("command", ["http", "sandbox"])
def test_a_port_in_use_is_said_in_one_sentence(command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        asked = subprocess.run([*COMMAND, command, "--port", str(port)], capture_output=True, text=True, check=False)
    assert (asked.returncode, asked.stdout, asked.stderr) == (
        2,
        "",
        f"kling-mcp: Port {port} on 127.0.0.1 is already in use. Choose another with --port.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["sandbox"], "--port"),
        (["sandbox", "--port", "70000"], "'70000' is not a port"),
        (["sandbox", "--port", "0", "--speed", "0"], "'0' is not a speed"),
        (["http", "--port", "http"], "'http' is not a port"),
        (["movie"], "invalid choice"),
    ],
)
def test_a_wrong_argument_is_refused_with_its_reason(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def sandbox(*arguments: str) -> subprocess.Popen[str]:
    command = [*COMMAND, "sandbox", "--port", "0", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def announced(server: subprocess.Popen[str]) -> str:
    assert server.stdout
    return next(word for word in server.stdout.readline().split() if word.startswith("http://"))


def test_the_sandbox_announces_where_it_answers_and_ends_with_its_input() -> None:
    with sandbox("--until-eof") as server:
        url = announced(server)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/v1/videos/text2video/1", timeout=10)  # noqa: S310 - our own address
        refused.value.close()
        _, complaints = server.communicate("", timeout=10)
    assert (refused.value.code, server.returncode, complaints) == (401, 0, "")


def asked(url: str, wish: bytes | None = None) -> dict[str, Any]:
    headers = {"authorization": "Bearer sandbox", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, wish, headers), timeout=10) as answer:  # noqa: S310 - ours
        return json.load(answer)


def test_a_sandbox_that_keeps_its_tasks_has_them_after_it_was_killed(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    for path, wish in (
        ("/v1/videos/text2video", b'{"prompt": "a kite", "model_name": "kling-v2-6"}'),
        ("/_sandbox/ledger", None),
    ):
        with sandbox("--keep", str(tmp_path / "kept")) as server:
            try:
                told.append(asked(announced(server) + path, wish))
            finally:
                server.kill()
    made, ledger = told
    assert [task["id"] for task in ledger["tasks"]] == [made["data"]["task_id"]]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_the_sandbox_without_a_traceback() -> None:
    with sandbox() as server:
        announced(server)
        server.send_signal(signal.SIGINT)
        _, complaints = server.communicate(timeout=10)
    assert (server.returncode, complaints) == (130, "")
