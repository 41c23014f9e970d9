"""The new wire's words for a legacy request: model in the path, ``settings`` and ``options``, ``contents`` for frames.

Contract: video.md section 1 and B1 to B3. Its traps stop here: ``multi_shot`` is true unless one says otherwise, shots
are written into the prompt, elements and voices are cited by an id of one's own.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kling_mcp.operations.model_facts import MODELS, RESOLUTIONS, SHOT_START, Endpoint, ModelFacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ENDPOINTS: Mapping[str, tuple[Endpoint, str]] = MappingProxyType(
    {
        "/v1/videos/text2video": ("text2video", "/text-to-video"),
        "/v1/videos/image2video": ("image2video", "/image-to-video"),
    }
)
"""Legacy path → the model table's name for it, and the new path before the model."""

_CARRIED = frozenset(
    {
        "model_name",
        "prompt",
        "mode",
        "duration",
        "sound",
        "aspect_ratio",
        "multi_shot",
        "shot_type",
        "multi_prompt",
        "image",
        "image_tail",
        "element_list",
        "voice_list",
        "watermark_info",
    }
)
"""Legacy fields the new wire has a place for. Any other has none, and silently losing it would be a wrong video."""

_CITED = {"element_list": ("element", "element_id"), "voice_list": ("voice", "voice_id")}
"""Legacy list → type of its members among ``contents``, and the key of their id."""


def obstacle(path: str, body: Mapping[str, Any]) -> str | None:
    """Why the new wire cannot carry this legacy request, one sentence; None if it can."""
    if path not in _ENDPOINTS:
        return "Kling's new API does not offer this function."
    foreign = sorted(body.keys() - _CARRIED)
    if foreign:
        return f"Kling's new API has no {', '.join(foreign)}."
    if body.get("image_tail") and not body.get("image"):
        return "Kling's new API takes a last frame (image_tail) only together with a first one (image)."
    return None


def rewritten(path: str, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Path and body on the new wire. Only for requests without an ``obstacle``."""
    endpoint, prefix = _ENDPOINTS[path]
    facts = MODELS[body["model_name"]]
    ids = dict(_citation_ids(body))
    prompt = _cited(_prompt(body, facts), ids)
    written: dict[str, Any] = {"prompt": prompt} if endpoint == "text2video" else _contents(body, prompt, ids)
    written["settings"] = _settings(body, facts, endpoint)
    if "watermark_info" in body:
        written["options"] = {"watermark_info": dict(body["watermark_info"])}
    return f"{prefix}/{facts.v2_name}", written


def _has_shot_switch(facts: ModelFacts, endpoint: Endpoint) -> bool:
    """Whether the model has ``settings.multi_shot``: exactly the models that make several shots in one clip."""
    return any(row.multi_shot for row in facts.endpoints.get(endpoint, {}).values())


def _settings(body: Mapping[str, Any], facts: ModelFacts, endpoint: Endpoint) -> dict[str, Any]:
    settings: dict[str, Any] = {"duration": int(body.get("duration", 5))}
    if "mode" in body:
        settings["resolution"] = RESOLUTIONS[body["mode"]]
    if "aspect_ratio" in body and "image" not in body:
        settings["aspect_ratio"] = body["aspect_ratio"]
    if "sound" in body and not facts.always_sound:
        settings["audio"] = "native" if body["sound"] == "on" else "off"
    if _has_shot_switch(facts, endpoint):
        settings["multi_shot"] = bool(body.get("multi_shot"))  # always said: Kling's own default is true
    return settings


def _prompt(body: Mapping[str, Any], facts: ModelFacts) -> str:
    if body.get("multi_shot") and body.get("shot_type") == "customize":
        shots = sorted(body["multi_prompt"], key=lambda shot: shot["index"])
        # A semicolon ends a shot, so within one it becomes a comma.
        words = (f"shot {s['index']}, {s['duration']}, {s['prompt'].replace(';', ',').strip()};" for s in shots)
        return " ".join(words)
    prompt: str = body.get("prompt", "")
    # A prompt that merely looks like the grammar, where nothing can switch it off, keeps its words and loses one
    # comma: "shot 1, 3, people" → "shot 1: 3, people".
    return SHOT_START.sub(r"\1:", prompt) if facts.shot_grammar else prompt


def _contents(body: Mapping[str, Any], prompt: str, ids: Mapping[str, str]) -> dict[str, Any]:
    contents: list[dict[str, Any]] = [{"type": "prompt", "text": prompt}] if prompt else []
    contents += [
        {"type": kind, "url": body[field]}
        for field, kind in (("image", "first_frame"), ("image_tail", "last_frame"))
        if body.get(field)
    ]
    for field, (kind, key) in _CITED.items():
        for n, member in enumerate(body.get(field, ()), start=1):
            contents.append({"type": kind, key: str(member[key]), "id": ids[f"{kind}_{n}"]})
    return {"contents": contents}


def _citation_ids(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Legacy name (``element_1``) → an id for it that occurs nowhere in the words. Contract: video.md B1."""
    shots = (shot["prompt"] for shot in body.get("multi_prompt", ()))
    words = re.sub(r"<<<\w+>>>", "", " ".join([body.get("prompt", ""), *shots]))
    for field, (kind, _) in _CITED.items():
        for n in range(1, len(body.get(field, ())) + 1):
            name = chosen = f"{kind}_{n}"
            while chosen in words:
                chosen = f"x_{chosen}"
            yield name, chosen


def _cited(prompt: str, ids: Mapping[str, str]) -> str:
    """``<<<element_1>>>`` → ``@element_1``, kept apart from a letter that follows."""
    for name, chosen in ids.items():
        prompt = re.sub(rf"<<<{name}>>>(?=\w)", f"@{chosen} ", prompt)
        prompt = prompt.replace(f"<<<{name}>>>", f"@{chosen}")
    return prompt
