"""What must hold between the catalogue and the tables of this room, whatever is added to either."""

from __future__ import annotations

import pytest

from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.operations.editing import MarkVideoEdit
from kling_mcp.providers.base import Request
from kling_mcp.providers.lookup import READ_BY_TASK_ID, WITHOUT_OUR_ID
from kling_mcp.providers.official_v2 import ENCODERS
from kling_mcp.providers.replies import READERS

from .far_side import FarSide, pair

PATHS = {operation.posts_to: operation for operation in GENERATIONS.values() if operation.posts_to}


@pytest.mark.parametrize("path", PATHS)
def test_what_kling_answers_at_once_has_a_reader_and_nothing_else_has(path: str) -> None:
    assert (PATHS[path].kind == "immediate") is (path in READERS)


@pytest.mark.parametrize("path", PATHS)
def test_nameless_is_what_is_answered_at_once_or_takes_no_id_of_ours(path: str) -> None:
    assert PATHS[path].nameless is (path in READERS or path in WITHOUT_OUR_ID)


def test_every_path_in_a_table_of_ours_is_one_the_catalogue_posts_to_or_works_out() -> None:
    worked_out = {
        *("/v1/videos/text2video", "/v1/videos/image2video", "/v1/videos/advanced-lip-sync"),
        *(f"/v1/videos/multi-elements/{action}-selection" for action in ("add", "delete", "clear")),
    }
    assert {*READERS, *READ_BY_TASK_ID, *WITHOUT_OUR_ID, *ENCODERS} <= {*PATHS, *worked_out}


@pytest.mark.parametrize("action", ["add", "delete", "clear"])
def test_each_way_of_marking_is_posted_without_an_id_and_answered_at_once(action: str) -> None:
    points = {} if action == "clear" else {"frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]}
    marking = MarkVideoEdit.parse({"session_id": "847570360458960960", "action": action, **points})
    for provider in (FarSide([]).provider(), FarSide([]).provider(pair())):
        request = provider.prepare(marking)
        assert request == Request("v1", f"/v1/videos/multi-elements/{action}-selection", marking.body(), nameless=True)
        assert request.path in READERS
