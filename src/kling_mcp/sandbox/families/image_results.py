"""How pictures are shown in ``task_result``. Contract: image-audio-general.md sections 2, 3 and 6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_mcp.sandbox.families.image_makes import VIEWS
from kling_mcp.sandbox.shapes import Json, file_url, task_result

if TYPE_CHECKING:
    from kling_mcp.sandbox.order import Task
    from kling_mcp.sandbox.shop import Shop


def pictures_result(task: Task, shop: Shop) -> Json:
    """A list; the address of the watermarked copy is empty where none was ordered."""
    images = task_result(task, shop)["images"]
    return {"images": [image | {"watermark_url": image.get("watermark_url", "")} for image in images]}


def omni_result(task: Task, shop: Shop) -> Json:
    """Two lists, of which one is empty."""
    kind = task.order.makes[0].detail["result_type"]
    images = pictures_result(task, shop)["images"]
    return {
        "result_type": kind,
        "images": images if kind == "single" else [],
        "series_images": images if kind == "series" else [],
    }


def multi_shot_result(task: Task, shop: Shop) -> Json:
    """Three sets, each with three addresses."""
    urls = [file_url(shop.base_url, result_id, "png") for result_id in task.results]
    return {
        "images": [
            {"index": group, **{f"url_{view + 1}": urls[group * VIEWS + view] for view in range(VIEWS)}}
            for group in range(VIEWS)
        ]
    }
