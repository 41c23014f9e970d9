"""The new wire's words for a legacy request: a table from legacy path to encoder, and what an encoder can carry.

Contract: video.md section 1 and part B. Model in the path, ``settings`` and ``options``, ``contents`` for what is
given. Its traps stop in the encoders: ``multi_shot`` is true unless one says otherwise, shots are written into the
prompt, whatever is cited is cited by an id of one's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kling_mcp.operations.model_facts import MODELS
from kling_mcp.operations.omni_facts import OMNI_MODELS
from kling_mcp.providers import v2_frames, v2_motion, v2_omni
from kling_mcp.providers.v2_prompt import prompt_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class NewModel:
    """A model as the new wire knows it.

    Attributes:
        name: Its path segment.
        prompt_max: Longest prompt, in characters, with the shots written into it.
    """

    name: str
    prompt_max: int


@dataclass(frozen=True, slots=True)
class Encoder:
    """How one legacy path reads on the new wire.

    Attributes:
        prefix: The new path before the model.
        models: Legacy model → what it is there.
        carried: Legacy fields there is a place for. Any other has none, and silently losing it would be a wrong video.
        write: The new body, without ``options``.
        obstacle: What else stands in the way, as the rest of a sentence about Kling's new API.
    """

    prefix: str
    models: Mapping[str, NewModel]
    carried: frozenset[str]
    write: Callable[[Mapping[str, Any]], dict[str, Any]]
    obstacle: Callable[[Mapping[str, Any]], str | None] = lambda _: None


_CLIP_MODELS = {
    facts.name: NewModel(facts.v2_name, facts.v2_prompt_max or facts.prompt_max)
    for facts in MODELS.values()
    if facts.v2_name is not None
}
_OMNI_MODELS = {facts.name: NewModel(facts.v2_name, facts.v2_prompt_max) for facts in OMNI_MODELS.values()}
_MOTION_MODELS = {name: NewModel(there, v2_motion.PROMPT_MAX) for name, there in v2_motion.MODELS.items()}

ENCODERS: Mapping[str, Encoder] = MappingProxyType(
    {
        "/v1/videos/text2video": Encoder("/text-to-video", _CLIP_MODELS, v2_frames.CARRIED, v2_frames.from_text),
        "/v1/videos/image2video": Encoder(
            "/image-to-video", _CLIP_MODELS, v2_frames.CARRIED, v2_frames.from_frames, v2_frames.frames_obstacle
        ),
        "/v1/videos/omni-video": Encoder(
            "/omni-video", _OMNI_MODELS, v2_omni.CARRIED, v2_omni.written, v2_omni.obstacle
        ),
        "/v1/videos/motion-control": Encoder(
            "/motion-control", _MOTION_MODELS, v2_motion.CARRIED, v2_motion.written, v2_motion.obstacle
        ),
    }
)
"""Legacy path → encoder. Whatever is not here exists on the old wire alone (section 1)."""


def obstacle(path: str, body: Mapping[str, Any]) -> str | None:
    """Why the new wire cannot carry this legacy request, as the rest of a sentence about it; None if it can."""
    encoder = ENCODERS.get(path)
    if encoder is None:
        return "does not offer this function"
    model = encoder.models.get(body.get("model_name", ""))
    if model is None:
        return f"does not have {body.get('model_name') or 'a default model'}"
    if foreign := sorted(body.keys() - encoder.carried):
        return f"has no {', '.join(foreign)}"
    if (length := len(prompt_of(body))) > model.prompt_max:
        return f"takes prompts of at most {model.prompt_max} characters, and this one has {length}"
    return encoder.obstacle(body)


def rewritten(path: str, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Path and body on the new wire. Only for requests without an ``obstacle``."""
    encoder = ENCODERS[path]
    written = encoder.write(body)
    if "watermark_info" in body:
        written["options"] = {"watermark_info": dict(body["watermark_info"])}
    return f"{encoder.prefix}/{encoder.models[body['model_name']].name}", written


__all__ = ["ENCODERS", "Encoder", "NewModel", "obstacle", "rewritten"]
