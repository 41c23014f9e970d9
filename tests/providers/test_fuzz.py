"""Any answer at all: never a crash, never a task that is not there, never an absence that was not said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_mcp.errors import KlingError, OutcomeUnknown, Unavailable
from kling_mcp.providers.base import Progress, Request, TaskRef
from kling_mcp.providers.lookup import READ_BY_TASK_ID
from kling_mcp.providers.replies import READERS
from kling_mcp.providers.tasks import progress_of

from .far_side import FarSide, answered, pair

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FIELDS = (
    *("task_id", "id", "task_status", "status", "task_result", "task_info", "external_task_id", "external_id"),
    *(
        "outputs",
        "billing",
        "videos",
        "images",
        "audios",
        "voices",
        "elements",
        "series_images",
        "type",
        "url",
        "url_1",
    ),
    *(
        "url_mp3",
        "mp3_url",
        "duration",
        "group_id",
        "session_id",
        "face_data",
        "face_id",
        "start_time",
        "res",
        "amount",
    ),
    *("rle_mask_list", "png_mask", "base64", "object_id", "is_contain", "voice_id", "element_id", "result", "detail"),
    *("charge_type", "final_unit_deduction", "deduction_amount", "has_more", "next_cursor", "created_at", "fps"),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.sampled_from(
        ["", "succeed", "failed", "video", "image", "audio", "unit", "km1-A", "77", "https://cdn.example/x"]
    ),
    st.text(max_size=12),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6)),
    max_leaves=25,
)
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
T2V = "/v1/videos/text2video"


def raw(payload: object) -> httpx2.Response:
    """An answer with NaN and infinities as they come from careless writers."""
    body = json.dumps({"code": 0, "message": "SUCCEED", "data": payload})
    return httpx2.Response(200, content=body.encode())


def outcome(call: Callable[[], Awaitable[object]]) -> object:
    """What a call comes to: its result, or a failure we foresee."""

    async def ask() -> object:
        with anyio.fail_after(20):
            try:
                return await call()
            except KlingError as error:
                return error

    return anyio.run(ask)


@FEW
@given(JSON)
def test_a_task_is_read_from_anything(task: object) -> None:
    progress = progress_of(task)
    if progress is not None:
        assert progress.task_id
        json.dumps(dict(progress.facts), allow_nan=False).encode()
        assert all(output.url for output in progress.outputs)


@FEW
@given(JSON, st.sampled_from([T2V, *READERS]))
def test_a_paid_answer_is_a_task_or_a_doubt(payload: object, path: str) -> None:
    provider = FarSide([raw(payload)]).provider()
    result = outcome(lambda: provider.submit(Request("v1", path, {}, nameless=path in READERS), "km1-A"))
    if isinstance(result, Progress):
        assert path == T2V or result.status in ("succeeded", "failed")
        json.dumps(dict(result.facts), allow_nan=False).encode()
    else:
        assert isinstance(result, OutcomeUnknown) or getattr(result, "code", "") == "refused"


@pytest.mark.parametrize("path", [T2V, *sorted(READ_BY_TASK_ID)])
@pytest.mark.parametrize("with_key", [True, False])
def test_absence_is_never_read_into_an_answer(path: str, with_key: bool) -> None:
    refs = [TaskRef("v1", path, "km1-A"), TaskRef("v1", path, "km1-B", "77")]

    @FEW
    @given(JSON)
    def check(payload: object) -> None:
        # The common read truly knows nothing; whatever else Kling says is not its sentence about absence.
        far_side = FarSide([lambda r: answered([]) if r.url.path == "/tasks" else raw(payload)])
        provider = far_side.provider(None if with_key else pair())
        found = outcome(lambda: provider.look_up(refs))
        assert isinstance(found, Unavailable) or set(found) == {"km1-A", "km1-B"}  # pyright: ignore[reportArgumentType, reportUnknownVariableType, reportUnknownArgumentType]

    check()


@FEW
@given(JSON)
def test_every_free_question_survives_any_answer(payload: object) -> None:
    for credential in (None, pair()):
        provider = FarSide([raw(payload)]).provider(credential)
        for call in (
            provider.balance,
            lambda: provider.voices("own", 1, 30),  # noqa: B023 - asked at once
            lambda: provider.elements("own", 1, 30),  # noqa: B023 - as above
            lambda: provider.charges(0, 1, cash=False, limit=9),  # noqa: B023 - as above
            lambda: provider.delete("voice", "77"),  # noqa: B023 - as above
        ):
            outcome(call)
