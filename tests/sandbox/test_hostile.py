"""Whatever is posted, the answer is Kling's envelope: never a crash, and never a task that cannot be read back."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mcp.clock import ManualClock
from tests.sandbox.shop import IMAGE, TEXT, new_sandbox, opened

if TYPE_CHECKING:
    from pathlib import Path

LEGACY = (
    *("model_name", "prompt", "mode", "duration", "sound", "cfg_scale", "aspect_ratio", "image", "image_tail"),
    *("camera_control", "multi_shot", "shot_type", "multi_prompt", "element_list", "voice_list", "static_mask"),
    *("dynamic_masks", "watermark_info", "callback_url", "external_task_id", "negative_prompt"),
)
STANDARD = ("prompt", "contents", "settings", "options")
LISTS = ("start_time", "end_time", "limit", "filters", "cursor")
PATHS = {
    TEXT: LEGACY,
    IMAGE: LEGACY,
    "/text-to-video/kling-3.0": STANDARD,
    "/image-to-video/kling-2.6": STANDARD,
    "/tasks": LISTS,
    "/account/billing/package": LISTS,
}
KNOWN = ("kling-v3", "5", "on", "std", "true", "https://cdn.example/a.png", "\ud800", "QUJD", "type", "config", "id")
WORDS = st.one_of(st.sampled_from(KNOWN), st.text(max_size=5))
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


async def answer(path: str, body: bytes, **facts: object) -> dict[str, Any]:
    clock = ManualClock()
    async with opened(new_sandbox(clock, **facts), clock) as kling:
        said = (await kling.client.post(path, content=body)).json()
        if said["code"] == 0 and path in {TEXT, IMAGE}:
            assert await kling.data(f"{path}/{said['data']['task_id']}")
        return said


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_body_is_answered_in_the_envelope(path: str, data: st.DataObject) -> None:
    base = {"model_name": "kling-v3", "prompt": "A kite", "image": "https://cdn.example/a.png"}
    body = base | data.draw(st.dictionaries(st.sampled_from(PATHS[path]), ANYTHING, max_size=4))
    said = anyio.run(answer, path, json.dumps(body).encode())
    assert {"code", "message", "request_id"} <= set(said)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("depth", [300, 700, 5000])
def test_a_body_nested_too_deep_is_a_bad_request_or_ignored(path: str, depth: int, tmp_path: Path) -> None:
    body = b'{"prompt": "A kite", "model_name": "kling-v3", "x": ' + b"[" * depth + b"]" * depth + b"}"
    said = anyio.run(partial(answer, path, body, folder=tmp_path))
    assert said["code"] in {0, 1200, 1201}
