"""The types of arguments that several tools share, each with its limits. Cross-checks between arguments are rules."""

# No `from __future__ import annotations` here or where these types are used: pydantic reads the annotations.

import json
import re
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    field_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from kling_mcp.operations import inputs
from kling_mcp.operations.pictures import picture, picture_of_any_shape
from kling_mcp.operations.sources import Reference
from kling_mcp.operations.wording import OWN_SENTENCE

# Plain None rather than pydantic's SkipJsonSchema[None]: that one turns each refusal of an optional field into two.
Omitted: TypeAlias = None
"""Marks an optional argument: absent means that nothing is sent. ``Operation.input_schema`` shows no null for it."""

_MAX_LONG = 2**63 - 1
_CITATION = re.compile(r"<<<\s*(\w+)\s*>>>")


def _from_text(value: object) -> object:
    """The object or list that some hosts quote as JSON text; empty ones as absent. Anything else is left alone."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    return None if value in ({}, [], "") else value


def _listed(value: object) -> object:
    """A list of one where only its member was given."""
    unquoted = _from_text(value)
    if isinstance(unquoted, str | int | dict) and not isinstance(unquoted, bool):
        return [cast("object", unquoted)]
    return cast("object", unquoted)


def _object(value: object) -> object:
    unquoted = _from_text(value)
    return {} if unquoted is None else unquoted


def _number(value: object) -> object:
    """Refuses true and false, which pydantic would take for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError(OWN_SENTENCE, "must be a number, not true or false.")
    return value


def _on_off(value: object) -> object:
    words = {True: "on", False: "off", "true": "on", "false": "off"}
    key = value.strip().lower() if isinstance(value, str) else value
    return words.get(key, key) if isinstance(key, bool | str) else value


def _yes_no(value: object) -> object:
    words = {True: "yes", False: "no", "true": "yes", "false": "no"}
    key = value.strip().lower() if isinstance(value, str) else value
    return words.get(key, key) if isinstance(key, bool | str) else value


def _element_id(value: object) -> object:
    """A 64-bit id, exactly: a number that came as floating point may already have lost its last digits."""
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if reference := Reference.read(text, "element"):
        return reference
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _MAX_LONG):  # noqa: PLR2004 - 2**63 has 19 digits
        raise PydanticCustomError(OWN_SENTENCE, "must be an id of digits, best given as text so that none is lost.")
    return int(text)


def _tight(text: str) -> str:
    return _CITATION.sub(r"<<<\1>>>", text)


JsonText = BeforeValidator(_from_text)
"""On a nested type: it may come as JSON text too."""

JsonList = BeforeValidator(_listed)
"""On a list: it may come as JSON text too, or as its only member."""

JsonObject = Annotated[dict[str, Any], BeforeValidator(_object)]
"""An object whose keys are somebody else's; may come as JSON text."""

NotBool = BeforeValidator(_number)
"""On a number: true and false are none."""

# Limits come before the validator, or the schema would not show them.
Whole = Annotated[int, NotBool]
Number = Annotated[float, Field(allow_inf_nan=False), NotBool]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), NotBool]
Axis = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False), NotBool]
OnOff = Annotated[Literal["on", "off"], BeforeValidator(_on_off)]
"""``on`` or ``off``; true and false are understood."""
YesNo = Annotated[Literal["yes", "no"], BeforeValidator(_yes_no)]
"""``yes`` or ``no``; true and false are understood."""

NUMBER = WithJsonSchema({"type": "number"})
"""On a number whose limits are in its description."""
TEXT = WithJsonSchema({"type": "string"})
"""On a text: shows neither its limits nor anything else."""

# Agents see the kind only; the argument's description names the keys. Their limits are still checked.
Object = WithJsonSchema({"type": "object"})
"""On a nested type: shows nothing of what is inside."""
Objects = WithJsonSchema({"type": "array", "items": {"type": "object"}})
"""On a list of nested types: shows nothing of what is inside."""
Texts = WithJsonSchema({"type": "array", "items": {"type": "string"}})
"""On a list of texts: shows no limits."""
Pictures = Texts
"""On a list of ``PictureRef`` or of pictures: shows plain texts, which do."""

ImageInput = Annotated[str, PlainValidator(picture), TEXT]
"""A picture: URL, Base64, ``data:`` URI or a result of ours. Contract: video.md section 6."""
LastFrame = Annotated[str, PlainValidator(picture_of_any_shape), TEXT]
"""The same where the ratio is not limited."""
VideoUrl = Annotated[str, PlainValidator(inputs.video_url), TEXT]
"""A video's URL, or a result of ours."""
VideoId = Annotated[str, PlainValidator(inputs.kling_id("video", "a Kling video id")), TEXT]
"""Kling's id of a video it made, or a result of ours."""
AudioId = Annotated[str, PlainValidator(inputs.kling_id("audio", "an audio id of text_to_speech")), TEXT]
"""Kling's id of a speech it made, or a result of ours."""
SoundFile = Annotated[str, PlainValidator(inputs.sound_file), TEXT]
"""A sound: URL, Base64, ``data:`` URI or a result of ours. Contract: video.md A9."""
LibraryVoice = Annotated[str, PlainValidator(inputs.kling_id("voice", "a voice id")), TEXT]
"""A voice of the library, or the job that made it."""
SessionId = Annotated[str, PlainValidator(inputs.kling_id("session", "a session id of Kling")), TEXT]
"""Kling's id of a session to edit a video, or the job that opened it."""
FaceSessionId = Annotated[str, PlainValidator(inputs.kling_id("faces", "a session id of Kling")), TEXT]
"""Kling's id of a session with faces, or the job that found them."""

Tight = AfterValidator(_tight)
"""On a prompt: citations lose their blanks. Kling knows ``<<<voice_1>>>``, not ``<<< voice_1 >>>``."""

NegativePrompt = Annotated[str, Field(max_length=2500)]
"""What must not appear. Contract: video.md A1."""

ElementId = Annotated[int | str, PlainValidator(_element_id), TEXT]
"""A 64-bit id of Kling's, or the job that made the element; shown to agents as text, because JSON numbers of that size
lose digits in many hosts. Always a number once resolved."""


class Nested(BaseModel):
    """An object inside an argument. May come as JSON text. What is empty in it is absent, as at Kling."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _unquoted(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever came
        unquoted = value if value in ({}, None) else _from_text(value)
        if not isinstance(unquoted, dict):
            return unquoted
        members = cast("dict[str, Any]", unquoted).items()
        return {key: member for key, member in members if member not in (None, "", [], {})}


class CameraConfig(Nested):
    """How far the camera moves along each axis."""

    horizontal: Axis | Omitted = None
    vertical: Axis | Omitted = None
    pan: Axis | Omitted = None
    tilt: Axis | Omitted = None
    roll: Axis | Omitted = None
    zoom: Axis | Omitted = None


class CameraControl(Nested):
    """A camera movement: a preset, or ``simple`` with exactly one axis. Contract: video.md A1."""

    type: Literal["simple", "down_back", "forward_up", "right_turn_forward", "left_turn_forward"] | Omitted = None
    config: Annotated[
        CameraConfig | Omitted,
        JsonText,
        WithJsonSchema({"type": "object", "description": "horizontal, vertical, pan, tilt, roll or zoom"}),
    ] = None

    @model_validator(mode="after")
    def _one_axis(self) -> "CameraControl":
        preset = self.type not in {None, "simple"}
        if preset and self.config is not None:
            raise PydanticCustomError(OWN_SENTENCE, "must have no config unless type is 'simple'. Remove config.")
        if not preset and _axes_moved(self.config) != 1:
            raise PydanticCustomError(
                OWN_SENTENCE, "of type 'simple' needs a config with exactly one axis other than 0, such as zoom: 5."
            )
        return self


def _axes_moved(config: CameraConfig | None) -> int:
    return 0 if config is None else sum(bool(value) for value in config.model_dump().values())


class Point(Nested):
    """A pixel of the first frame, counted from its bottom left corner."""

    x: Whole
    y: Whole


class DynamicMask(Nested):
    """An area and the path along which it moves. Contract: video.md A2."""

    mask: ImageInput
    trajectories: Annotated[list[Point], JsonText, Field(min_length=2, max_length=77)]


class Shot(Nested):
    """One shot of a clip. Contract: video.md A1."""

    index: Whole
    prompt: Annotated[str, Field(min_length=1, max_length=512), Tight]
    duration: Annotated[int, Field(ge=1), BeforeValidator(_number)]

    @field_serializer("duration")
    def _as_kling_writes_it(self, seconds: int) -> str:
        return str(seconds)


class Nameable(Nested):
    """An object of which usually one key is given: its bare value will do instead of the object."""

    main: ClassVar[str]
    """That key."""

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever came
        text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
        return {cls.main: value} if text and not text.startswith(("{", "[")) else value


class PictureRef(Nameable):
    """A picture of a list, as most endpoints write it. Contract: video.md A4, A6."""

    main: ClassVar[str] = "image"

    image: ImageInput


class ElementRef(Nameable):
    """An element of the library."""

    main: ClassVar[str] = "element_id"

    element_id: ElementId


class VoiceRef(Nameable):
    """A voice of the library (not a text-to-speech voice)."""

    main: ClassVar[str] = "voice_id"

    voice_id: LibraryVoice


__all__ = [
    "NUMBER",
    "TEXT",
    "AudioId",
    "Axis",
    "CameraConfig",
    "CameraControl",
    "DynamicMask",
    "ElementId",
    "ElementRef",
    "FaceSessionId",
    "ImageInput",
    "JsonList",
    "JsonObject",
    "JsonText",
    "LastFrame",
    "LibraryVoice",
    "Nameable",
    "NegativePrompt",
    "Nested",
    "NotBool",
    "Number",
    "Object",
    "Objects",
    "Omitted",
    "OnOff",
    "PictureRef",
    "Pictures",
    "Point",
    "SessionId",
    "Share",
    "Shot",
    "SoundFile",
    "Texts",
    "Tight",
    "VideoId",
    "VideoUrl",
    "VoiceRef",
    "Whole",
    "YesNo",
]
