"""The two shapes of a task: legacy (``task_id``, ``succeed``) and new standard (``id``, ``succeeded``).

Contract: video.md sections 1, 5, 6 and B7; image-audio-general.md 0.7 and the results of each endpoint. Either shape
can show a task of either wire. Each kind of result has a row in two tables: how it looks here, and how there.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from kling_mcp.sandbox.order import Kind, Make, Package, Status, Task
    from kling_mcp.sandbox.shop import Shop

LEGACY_STATUS: Mapping[Status, str] = MappingProxyType(
    {"submitted": "submitted", "processing": "processing", "succeeded": "succeed", "failed": "failed"}
)
LONGER_S = 0.041
"""A clip is this much longer than asked for. Contract: video.md section 6, part E."""
WAV_SHORTER_S = 0.066
"""The wav of a sound is this much shorter than its mp3. Contract: image-audio-general.md section 12."""
OWNER = "sandbox"
"""What ``owned_by`` says of what this account made."""
BILLED_AS: Mapping[Package, str] = MappingProxyType({"video": "video", "image": "image", "try-on": "try_on"})
"""Pack → ``package_type`` (B7) and ``product_type`` (B8); the former is not known for try-on [OWN]."""

Json = dict[str, Any]


def milliseconds(seconds: float) -> int:
    """Unix seconds as Kling writes times."""
    return round(seconds * 1000)


def units_text(units: Decimal) -> str:
    """An amount as Kling writes it: ``"4.5"``, ``"3"``."""
    return f"{units.normalize():f}"


def length_s(make: Make) -> float:
    """Seconds of the finished clip or sound."""
    return make.duration + (LONGER_S if make.kind == "video" else 0)


def file_name(result_id: str, ending: str, *, watermark: bool = False) -> str:
    """Name under ``/files``."""
    return f"{result_id}{'-watermark' if watermark else ''}.{ending}"


def file_url(base_url: str, result_id: str, ending: str, *, watermark: bool = False) -> str:
    """Address of a result."""
    return f"{base_url}/files/{file_name(result_id, ending, watermark=watermark)}"


# --- one result, legacy ------------------------------------------------------------------------------------


def legacy_results(task: Task, shop: Shop) -> list[Json]:
    """Each result of a task as its kind is shown on the legacy wire."""
    return [_LEGACY[make.kind](task, result_id, make, shop) for result_id, make in task.made]


def task_result(task: Task, shop: Shop) -> Json:
    """``task_result`` as most families show it: a list for each kind of result there is."""
    shown: Json = {}
    for (_, make), result in zip(task.made, legacy_results(task, shop), strict=True):
        shown.setdefault(f"{make.kind}s", []).append(result)
    for index, image in enumerate(shown.get("images", [])):
        image["index"] = index
    return shown


def _marked(task: Task, result_id: str, ending: str, shop: Shop) -> Json:
    """Nothing unless a watermarked copy was ordered."""
    if not task.order.watermark:
        return {}
    return {"watermark_url": file_url(shop.base_url, result_id, ending, watermark=True)}


def _video(task: Task, result_id: str, make: Make, shop: Shop) -> Json:
    video: Json = {"id": result_id, "url": file_url(shop.base_url, result_id, "mp4")}
    video |= _marked(task, result_id, "mp4", shop) | {"duration": f"{length_s(make):.3f}"}
    return video | ({"session_id": make.detail["session_id"]} if "session_id" in make.detail else {})


def _image(task: Task, result_id: str, _make: Make, shop: Shop) -> Json:
    return {"index": 0, "url": file_url(shop.base_url, result_id, "png")} | _marked(task, result_id, "png", shop)


def _audio(_task: Task, result_id: str, make: Make, shop: Shop) -> Json:
    return {
        "id": result_id,
        "url_mp3": file_url(shop.base_url, result_id, "mp3"),
        "url_wav": file_url(shop.base_url, result_id, "wav"),
        "duration_mp3": f"{make.duration:.3f}",
        "duration_wav": f"{make.duration - WAV_SHORTER_S:.3f}",
    }


def _voice(_task: Task, result_id: str, make: Make, shop: Shop) -> Json:
    return {
        "voice_id": result_id,
        "voice_name": make.detail.get("voice_name", ""),
        "trial_url": file_url(shop.base_url, result_id, "mp3"),
        "owned_by": OWNER,
    }


def _element(_task: Task, result_id: str, make: Make, shop: Shop) -> Json:
    status = "deleted" if shop.deleted(result_id) else "succeed"
    return {"element_id": int(result_id), **make.detail, "owned_by": OWNER, "status": status}


_LEGACY: Mapping[Kind, Callable[[Task, str, Make, Shop], Json]] = MappingProxyType(
    {"video": _video, "image": _image, "audio": _audio, "voice": _voice, "element": _element}
)

# --- one result, new standard ------------------------------------------------------------------------------


def _new_video(task: Task, result_id: str, make: Make, shop: Shop) -> Json:
    return {name: value for name, value in _video(task, result_id, make, shop).items() if name != "session_id"}


def _new_image(task: Task, result_id: str, make: Make, shop: Shop) -> Json:
    shown = {"url": file_url(shop.base_url, result_id, "png")} | _marked(task, result_id, "png", shop)
    return shown | ({"group_id": make.detail["group_id"]} if "group_id" in make.detail else {})


def _new_audio(_task: Task, result_id: str, make: Make, shop: Shop) -> Json:
    return {
        "id": result_id,
        "mp3_url": file_url(shop.base_url, result_id, "mp3"),
        "wav_url": file_url(shop.base_url, result_id, "wav"),
        "mp3_duration": f"{make.duration:.3f}",
        "wav_duration": f"{make.duration - WAV_SHORTER_S:.3f}",
    }


def _new_voice(_task: Task, result_id: str, make: Make, shop: Shop) -> Json:
    status = "deleted" if shop.deleted(result_id) else "succeeded"
    url, name = file_url(shop.base_url, result_id, "mp3"), make.detail.get("voice_name", "")
    return {"id": result_id, "name": name, "url": url, "owned_by": OWNER, "status": status}


def _new_element(_task: Task, result_id: str, make: Make, shop: Shop) -> Json:
    detail = make.detail
    by_video = detail.get("reference_type") == "video_refer"
    return {
        "id": result_id,
        "name": detail.get("element_name", ""),
        "description": detail.get("element_description", ""),
        "element_type": "video_character_elements" if by_video else "multi_image_elements",
        "references": _references(detail),
        "owned_by": OWNER,
        "status": "deleted" if shop.deleted(result_id) else "succeeded",
        "tags": detail.get("tag_list", []),
    }


def _references(detail: Mapping[str, Any]) -> list[Json]:
    """What an element was made from, as the new standard lists it."""
    pictures: Json = detail.get("element_image_list") or {}
    videos: Json = detail.get("element_video_list") or {}
    shown: list[Json] = []
    if "frontal_image" in pictures:
        shown.append({"type": "image", "role": "frontal", "url": pictures["frontal_image"]})
    shown += [
        {"type": "image", "role": "reference", "url": one["image_url"]} for one in pictures.get("refer_images", [])
    ]
    shown += [{"type": "video", "role": "reference", "url": one["video_url"]} for one in videos.get("refer_videos", [])]
    if voice := detail.get("element_voice_info"):
        shown.append(
            {"type": "voice", "role": "reference", "url": voice["trial_url"], "id": voice["voice_id"]}
            | {"name": voice["voice_name"], "owned_by": voice["owned_by"]}
        )
    return shown


_STANDARD: Mapping[Kind, Callable[[Task, str, Make, Shop], Json]] = MappingProxyType(
    {"video": _new_video, "image": _new_image, "audio": _new_audio, "voice": _new_voice, "element": _new_element}
)

# --- a task, legacy ----------------------------------------------------------------------------------------


def legacy_created(task: Task, *, tells_info: bool = True) -> Json:
    """``data`` of the answer to a legacy create."""
    external = task.order.external_id
    info: Json = {} if external is None else {"external_task_id": external}
    created = milliseconds(task.created_at)
    return {
        "task_id": task.id,
        "task_status": "submitted",
        **({"task_info": info} if tells_info else {}),
        "created_at": created,
        "updated_at": created,
    }


def legacy_task(
    task: Task, shop: Shop, result: Callable[[Task, Shop], Json] = task_result, *, at: float | None = None
) -> Json:
    """``data`` of a legacy query, and one member of a legacy list; as of now, or of another time."""
    step = task.at(shop.now() if at is None else at)
    shown: Json = {
        **legacy_created(task),
        "task_status": LEGACY_STATUS[step.status],
        "task_status_msg": task.message if step.status == "failed" else "",
        "task_result": {},
        "updated_at": milliseconds(step.at),
    }
    if task.order.parent is not None:
        shown["task_info"]["parent_video"] = task.order.parent
    if task.order.watermark is not None:
        shown["watermark_info"] = {"enabled": task.order.watermark}
    if step.status == "succeeded":
        shown |= {"task_result": result(task, shop)} | charged(task.units)
    return shown


def charged(units: Decimal) -> Json:
    """What a legacy answer says of its price."""
    return {"final_unit_deduction": units_text(units), "final_balance_deduction": {"quota": "0", "list_price": "0"}}


_CALLED_BACK: Mapping[str, Sequence[str]] = MappingProxyType(
    {"videos": ("id", "url", "duration"), "images": ("index", "url")}
)
"""What a legacy callback shows of results, and nothing else. Contract: video.md section 5."""


def legacy_callback(task: Task, shop: Shop, at: float) -> Json:
    """Body of a legacy callback: the query's, without envelope and watermarks."""
    shown = legacy_task(task, shop, at=at)
    shown.pop("watermark_info", None)
    results = shown["task_result"]
    shown["task_result"] = {
        kind: [{name: result[name] for name in names if name in result} for result in results[kind]]
        for kind, names in _CALLED_BACK.items()
        if kind in results
    }
    return shown


# --- a task, new standard ----------------------------------------------------------------------------------


def standard_created(task: Task) -> Json:
    """``data`` of the answer to a create on the new wire."""
    created = milliseconds(task.created_at)
    shown: Json = {"id": task.id, "status": "submitted", "create_time": created, "update_time": created}
    return shown if task.order.external_id is None else shown | {"external_id": task.order.external_id}


def standard_task(task: Task, shop: Shop, *, at: float | None = None) -> Json:
    """A task as ``/tasks`` shows it; as of now, or of another time."""
    step = task.at(shop.now() if at is None else at)
    done = step.status == "succeeded"
    bill = {"charge_type": "unit", "amount": units_text(task.units), "package_type": BILLED_AS[task.order.package]}
    outputs = [{"type": make.kind} | _STANDARD[make.kind](task, name, make, shop) for name, make in task.made]
    return standard_created(task) | {
        "status": step.status,
        "message": task.message if step.status == "failed" else "",
        "update_time": milliseconds(step.at),
        "external_id": task.order.external_id or "",
        "outputs": outputs if done else [],
        "billing": [bill] if done else [],
    }


_CALLED_BACK_ROLES: Mapping[str, str] = MappingProxyType({"reference": "refer"})


def standard_callback(task: Task, shop: Shop, at: float) -> Json:
    """Body of a callback on the new wire: the query's, but elements call their references materials."""
    shown = standard_task(task, shop, at=at)
    for output in shown["outputs"]:
        if "references" in output:
            output["materials"] = [
                material | {"role": _CALLED_BACK_ROLES.get(material["role"], material["role"])}
                for material in output.pop("references")
            ]
    return shown
