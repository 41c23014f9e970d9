"""S-b: made-up secrets through everything at DEBUG; then logs, answers, ledger and tracebacks are searched for them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
from contextlib import contextmanager, redirect_stderr
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp import Client
from pydantic import SecretStr

from kling_mcp import logs
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.providers.official import ApiKey, KeyPair
from kling_mcp.settings import Settings
from tests.contract.mistakes import RIGHT
from tests.e2e.processes import COMMAND, environment

from .canaries import (
    ACCESS_KEY,
    API_KEY,
    HTTP_TOKEN,
    MANNERS,
    PROMPT,
    PROXY_PASSWORD,
    QUERY,
    SECRET_KEY,
    WEBHOOK,
    WRONG_TOKEN,
    Gateway,
    Hunt,
    gateway,
    jwt_in,
    pair,
    written,
)
from .house import house
from .leaping import LeapingLoop

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from kling_mcp.providers.credentials import Credential

SECRETS = {
    "the API key": written(API_KEY),
    "the access key": written(ACCESS_KEY),
    "the secret key": written(SECRET_KEY),
    "the pair": pair(ACCESS_KEY, SECRET_KEY),
    "the HTTP token": written(HTTP_TOKEN),
    "a wrong HTTP token": written(WRONG_TOKEN),
    "the proxy's password": written(PROXY_PASSWORD),
    "a webhook's secret": written(WEBHOOK),
}
IN_LOGS_TOO = {"a signed address": {QUERY}, "the prompt": {PROMPT}}
"""What answers and the ledger are there to tell, but no log is."""


def test_every_way_of_writing_is_found() -> None:
    hunt = Hunt(SECRETS)
    for ways in SECRETS.values():
        for way in ways:
            hunt.look("here", f"x{way}y")
    assert len(hunt.hits) >= sum(map(len, SECRETS.values()))
    clean = Hunt(SECRETS)
    clean.look("here", "nothing of the sort")
    assert clean.hits == []


class Host:
    """An agent's host: it starts the server, calls tools, and keeps every byte it ever wrote."""

    def __init__(self, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
        )
        self.said = bytearray()
        self._last = 0

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._last += 1
        self._write({"id": self._last, "method": method, "params": params})
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            message = json.loads(line)
            if message.get("id") == self._last:
                return message
        raise AssertionError("the server ended without an answer")

    def call(self, name: str, /, **arguments: object) -> dict[str, Any]:
        answer = self.ask("tools/call", {"name": name, "arguments": arguments})
        return answer.get("result", {}).get("structuredContent") or answer

    def start(self) -> None:
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        self.ask("initialize", hello)
        self._write({"method": "notifications/initialized"})

    def end(self) -> tuple[bytes, bytes]:
        """Hang up; everything that was written to standard output and to standard error."""
        rest, err = self.process.communicate(timeout=60)
        return bytes(self.said) + rest, err

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()


def said(*command: str, env: dict[str, str]) -> tuple[str, str]:
    done = subprocess.run([*COMMAND, *command], env=env, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout, done.stderr


def canary_environment(folder: Path, url: str, *, key: bool) -> dict[str, str]:
    credential = {"KLING_API_KEY": API_KEY} if key else {"KLING_ACCESS_KEY": ACCESS_KEY, "KLING_SECRET_KEY": SECRET_KEY}
    return environment(
        folder,
        **credential,
        KLING_BASE_URL=url,
        KLING_HTTP_TOKEN=HTTP_TOKEN,
        KLING_TOOLSETS="all",
        KLING_LOG_LEVEL="DEBUG",
        KLING_WEBHOOK_SECRET=WEBHOOK,
        HTTPS_PROXY=f"http://someone:{PROXY_PASSWORD}@127.0.0.1:9",
    )


def everything(host: Host, door: Gateway) -> None:
    """The whole range of tools: what works, what is refused here and there, and what breaks."""
    film = host.call("generate_video", prompt=PROMPT, duration=3, wait_seconds=10)
    picture = host.call("generate_image", prompt=PROMPT, wait_seconds=5)
    for tool, arguments in RIGHT.items():
        host.call(tool, **arguments, wait_seconds=0)
        host.call(tool, **arguments, nonsense="x")
        host.call("estimate_cost", tool=tool, arguments=arguments)
    host.call("apply_effect", effect_scene="net_the_fish", image=f"https://cdn.example/a.png?sign={QUERY}")
    for tool in ("check_balance", "list_charges", "list_voices", "list_elements", "list_jobs", "get_job", "no_tool"):
        host.call(tool, **({"job_id": film.get("job_id", "km1-x")} if tool == "get_job" else {}))
    host.call("wait_for_jobs", job_ids=[film.get("job_id", ""), picture.get("job_id", "")], wait_seconds=5)
    if media := film.get("media"):
        host.call("preview_media", media=media[0]["uri"])
    host.call("cancel_job", job_id=film.get("job_id", "km1-x"))
    host.ask("resources/list", {})
    host.ask("resources/read", {"uri": "kling://catalogue/models"})
    for manner in MANNERS:
        door.manner = manner
        host.call("generate_video", prompt=f"{PROMPT} {manner}", wait_seconds=0)
        host.call("text_to_speech", text=f"{PROMPT} {manner}", wait_seconds=0)
        host.call("adopt_task", task_id="893605946402811901", tool="generate_video")
        for tool in ("check_balance", "list_charges", "list_voices"):
            host.call(tool)
        host.call("delete_voice", voice_id="893605946402811901")
        host.call("list_jobs")
    door.manner = ""


def proof(hunt: Hunt, loud: Hunt, capsys: pytest.CaptureFixture[str], what: str) -> None:
    with capsys.disabled():
        looked = hunt.looked + loud.looked
        print(f"\nS-b {what}: {looked / 1e6:.1f} MB searched, {len(hunt.hits) + len(loud.hits)} hits")  # noqa: T201
    assert hunt.hits + loud.hits == []


@pytest.mark.battery
@pytest.mark.parametrize("key", [True, False], ids=["with an API key", "with a key pair"])
def test_no_secret_of_a_whole_session_is_written_anywhere(
    key: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with gateway() as (door, url):
        env = canary_environment(tmp_path, url, key=key)
        host = Host(env)
        host.start()
        everything(host, door)
        out, err = host.end()
        tokens = set[str]().union(*(jwt_in(token) for token in door.tokens))
    assert door.tokens, "nobody ever showed a credential"
    hunt, loud = Hunt({**SECRETS, "a signed token": tokens}), Hunt({**SECRETS, **IN_LOGS_TOO})
    hunt.look("an answer", out)
    loud.look("standard error", err)
    loud.look("standard error, again", err.decode())
    hunt.folder(tmp_path, "what it left on disk")
    for command in (("list",), ("export",), ("verify",)):
        shown, errors = said("ledger", *command, env=env)
        hunt.look(f"ledger {command[0]}", shown)
        loud.look(f"ledger {command[0]}, errors", errors)
    assert b"km1-" in out
    assert len(err) > 1000, "it says much at DEBUG"
    proof(hunt, loud, capsys, "with an API key" if key else "with a key pair")


@pytest.mark.battery
def test_a_proxy_s_password_is_not_told_when_the_proxy_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = canary_environment(tmp_path, "https://sandbox.invalid", key=True)
    host = Host(env)
    host.start()
    for tool in ("generate_video", "check_balance", "list_voices"):
        host.call(tool, **({"prompt": PROMPT, "wait_seconds": 3} if tool == "generate_video" else {}))
    out, err = host.end()
    hunt, loud = Hunt(SECRETS), Hunt({**SECRETS, **IN_LOGS_TOO})
    hunt.look("an answer", out)
    loud.look("standard error", err)
    hunt.folder(tmp_path, "what it left on disk")
    proof(hunt, loud, capsys, "through a dead proxy")


@pytest.mark.battery
def test_no_token_of_http_is_written_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with gateway() as (door, url):
        env = canary_environment(tmp_path, url, key=True)
        hunt, loud = Hunt(SECRETS), Hunt({**SECRETS, **IN_LOGS_TOO})
        with served(env) as (address, process):
            for token in ("", WRONG_TOKEN, HTTP_TOKEN[:-1], HTTP_TOKEN):
                for path in ("/mcp", "/sse", "/health", f"/mcp?token={WRONG_TOKEN}"):
                    hunt.look("an answer", over_http(address + path, token))
            door.manner = "refuses"
            hunt.look("an answer", over_http(f"{address}/mcp", HTTP_TOKEN, "generate_video", prompt=PROMPT))
            process.terminate()
            out, err = process.communicate(timeout=30)
        hunt.look("standard output", out)
        loud.look("standard error", err)
        hunt.folder(tmp_path, "what it left on disk")
    proof(hunt, loud, capsys, "over HTTP")


@contextmanager
def served(env: dict[str, str]) -> Generator[tuple[str, subprocess.Popen[bytes]]]:
    """``kling-mcp http`` on a free port, once it says where."""
    command = [*COMMAND, "http", "--port", "0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr is not None
            address = ""
            while not address:
                line = process.stderr.readline().decode()
                assert line, "it did not start"
                if "http://127.0.0.1:" in line:
                    address = "http://" + line.partition("http://")[2].split("/")[0].split()[0]
            yield address, process
        finally:
            process.kill()


def over_http(url: str, token: str, tool: str = "check_balance", **arguments: object) -> str:
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    with httpx2.Client(headers=headers, timeout=30, trust_env=False) as client:
        first = client.post(url, json=hello)
        session = {"mcp-session-id": first.headers["mcp-session-id"]} if "mcp-session-id" in first.headers else {}
        call = {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": tool, "arguments": arguments},
        }
        second = client.post(url, json=call, headers=session)
        return f"{first.status_code} {dict(first.headers)} {first.text} {second.status_code} {second.text}"


@pytest.mark.battery
def test_the_demo_shows_no_secret_of_its_surroundings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env = canary_environment(tmp_path, "https://sandbox.invalid", key=True)
    done = subprocess.run(
        [*COMMAND, "demo"], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    hunt = Hunt(SECRETS)
    hunt.look("standard output", done.stdout)
    hunt.look("standard error", done.stderr)
    hunt.folder(tmp_path, "what it left on disk")
    assert done.returncode == 0, done.stderr[-2000:]
    proof(hunt, Hunt({}), capsys, "demo")


# --- crashes -----------------------------------------------------------------------------------------------


@contextmanager
def logging_as_configured(env: dict[str, Any]) -> Generator[io.StringIO]:
    """The command's own logging, into a text of ours."""
    root = logging.getLogger()
    before, level, text = root.handlers[:], root.level, io.StringIO()
    levels = {name: logging.getLogger(name).level for name in root.manager.loggerDict}
    with redirect_stderr(text):
        logs.configure(Settings.model_validate(env))
        try:
            yield text
        finally:
            root.handlers[:], root.level = before, level
            for name, each in levels.items():
                logging.getLogger(name).setLevel(each)


CREDENTIALS: dict[str, Credential] = {
    "key": ApiKey(SecretStr(API_KEY)),
    "pair": KeyPair(SecretStr(ACCESS_KEY), SecretStr(SECRET_KEY)),
}


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("crash", [RuntimeError, KeyError, UnicodeError, RecursionError])
def test_a_bug_deep_inside_that_quotes_what_was_sent_shows_no_secret(
    credential: str, crash: type[Exception], tmp_path: Path
) -> None:
    """Whatever is raised below the provider may have the whole request in its text."""
    tokens = set[str]()

    def explode(request: httpx2.Request, _: httpx2.Response, __: bytes) -> httpx2.Response:
        shown = request.headers["authorization"]
        tokens.add(shown.removeprefix("Bearer "))
        raise crash(f"cannot handle {request.headers.raw!r} with {shown} ({ACCESS_KEY}:{SECRET_KEY}) {API_KEY}")

    async def session() -> list[str]:
        answers: list[str] = []
        async with house(tmp_path, credential=CREDENTIALS[credential]) as here, Client(here.server) as client:
            here.network.garble = explode
            for tool in ("generate_video", "text_to_speech", "check_balance", "list_voices", "list_charges"):
                arguments = RIGHT.get(tool, {}) if tool in GENERATIONS else {}
                answers.append(str(await client.call_tool(tool, arguments)))
            await here.clock.sleep(60.0)
            answers.append(str(await client.call_tool("list_jobs", {})))
        return answers

    secrets = {"api_key": API_KEY, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "log_level": "DEBUG"}
    with logging_as_configured(secrets) as text, asyncio.Runner(loop_factory=LeapingLoop) as runner:
        answers = runner.run(session())
    assert tokens
    hunt = Hunt({**SECRETS, "a signed token": set[str]().union(*map(jwt_in, tokens))})
    for answer in answers:
        hunt.look("an answer", answer)
    hunt.look("the log", text.getvalue())
    hunt.folder(tmp_path, "what it left on disk")
    assert hunt.hits == []
    assert "Traceback" in text.getvalue()
