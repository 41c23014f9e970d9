"""Values for the arguments of every tool, typed in by hand: good ones, and ones just beyond every limit.

``{…}`` stands for something the account has (``account``). An entry that Kling would be told in another way than our
tool is told (JSON text for an object, a word for an id, a result of ours) is a ``Said``: what is said, what it means.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from PIL import Image

from tests.sandbox.shop import picture, sound

Json = dict[str, Any]
Values = tuple[Any, ...]


@dataclass(frozen=True)
class Said:
    """An argument and what Kling would be sent for it."""

    said: Any
    means: Any


@dataclass(frozen=True)
class Pool:
    """What is tried on one tool.

    Attributes:
        bases: Requests that are right; everything else is a change of one of them.
        fields: Argument → values it is given.
    """

    bases: tuple[Json, ...]
    fields: dict[str, tuple[Any, ...]] = field(default_factory=dict[str, tuple[Any, ...]])


PNG = "https://cdn.example/a.png"
MP4 = "https://cdn.example/v.mp4"
MP3 = "https://cdn.example/a.mp3?seconds=12"


def _our(letter: str) -> str:
    return f"kling://media/km1-{letter * 26}_1"


OURS: dict[str, str] = {
    "three": _our("3"),
    "clip": _our("C"),
    "six": _our("6"),
    "fifteen": _our("F"),
    "upright": _our("T"),
    "clip_v16": _our("8"),
    "clip_v1": _our("9"),
    "image": _our("P"),
    "speech": _our("S"),
    "short": _our("W"),
    "effect": _our("X"),
}
"""Results of ours that requests name → their addresses."""


def _as_id(*names: str) -> tuple[Said, ...]:
    return tuple(Said(OURS[name], f"{{{name}}}") for name in names)


def _as_url(*names: str) -> tuple[Said, ...]:
    return tuple(Said(OURS[name], f"{{{name}_url}}") for name in names)


def _text_of(value: Any) -> Said:  # noqa: ANN401 - any JSON
    return Said(json.dumps(value), value)


def _gif() -> str:
    buffer = BytesIO()
    Image.new("RGB", (320, 320)).save(buffer, "GIF")
    return base64.b64encode(buffer.getvalue()).decode()


# --- kinds of values ---------------------------------------------------------------------------------------

SQUARE = picture()
PICTURES = (
    PNG,
    SQUARE,
    Said(f"data:image/png;base64,{SQUARE}", SQUARE),
    *_as_url("image"),
    picture(300, 750, "JPEG"),
    picture(750, 300),
    picture(299, 320),
    picture(320, 299, "JPEG"),
    picture(300, 760),
    _gif(),
    base64.b64encode(b"no picture at all " * 40).decode(),
    "data:image/png,abc",
    "/home/me/a.png",
    "ftp://cdn.example/a.png",
    "https://me:secret@cdn.example/a.png",
    "http://localhost/a.png",
    "https://",
    "https://cdn.example/a b.png",
    "",
    7,
    True,
    {"url": PNG},
    [PNG, PNG],
)
VIDEO_IDS = (*_as_id("clip"), "{clip}", "{speech}", "123456789012345678", "no id!", MP4, "", True, {"id": 1})
VIDEO_URLS = (
    MP4,
    *_as_url("clip"),
    "{clip_url}",
    "{image_url}",
    "not an address",
    "data:video/mp4;base64,AAAA",
    "ftp://cdn.example/v.mp4",
    "http://127.0.0.1/v.mp4",
    "",
    5,
    False,
    [MP4, MP4],
    {"url": MP4},
)
SOUND_FILES = (
    MP3,
    sound(3),
    Said(f"data:audio/wav;base64,{sound(3)}", sound(3)),
    *_as_url("speech", "effect"),
    base64.b64encode(b"not a sound " * 60).decode(),
    picture(),
    "data:audio/wav,abc",
    "/tmp/a.mp3",  # noqa: S108 - a path nobody opens
    "ftp://cdn.example/a.mp3",
    "",
    3,
    True,
    {"url": MP3},
)
AUDIO_IDS = (*_as_id("speech"), "{speech}", "123456789012345678", "no id!", MP3, "", True, {"id": 1})
ELEMENTS: Values = (
    [{"element_id": "{element}"}],
    [{"element_id": 163}],
    [{"element_id": "163"}],
    Said("163", [{"element_id": 163}]),
    Said(["163"], [{"element_id": 163}]),
    _text_of([{"element_id": "163"}]),
    [{"element_id": "163"}] * 2,
    [{"element_id": "163"}] * 3,
    [{"element_id": "163"}] * 4,
    [{"element_id": "163"}] * 7,
    [{"element_id": "163"}] * 8,
    [{"element_id": "163"}] * 9,
    [{"element_id": "163"}] * 10,
    [{"element_id": "163"}] * 11,
    [{"element_id": "829836802793406555"}],
    [{"element_id": "999999999999999999"}],
    [{"element_id": "99999999999999999999"}],
    [{"element_id": "Ann"}],
    [{"element_id": 1.5e18}],
    [{"element_id": -1}],
    [{}],
    [{"element": "163"}],
    [{"element_id": True}],
    [],
    "",
    True,
    "{not json",
)
WATERMARKS = (True, False, Said("true", True), Said(1, True), "maybe", 7, [True])
PROMPTS = ("a kite over dunes", "x" * 2500, "x" * 2501, "", "   ", 12.5, True, ["a kite"], {"text": "a kite"})
LONG_PROMPTS = (*PROMPTS, "x" * 3072, "x" * 3073)
NEGATIVE = ("rain", "x" * 2500, "x" * 2501, "", 7.5, True, ["rain"])
SHARES = (0, 1, 0.5, Said("0.5", 0.5), -0.01, 1.01, "high", True, [0.5], "nan")
RATIOS = ("16:9", "9:16", "1:1", "4:3", "21:9", "auto", "16x9", "", 1.78, True)
MODES = ("std", "pro", "4k", "STD", "fast", "", 1, True, ["std"])
ON_OFF = ("on", "off", Said(True, "on"), Said(False, "off"), Said("true", "on"), "loud", "", 1.5, ["on"])
YES_NO = ("yes", "no", Said(True, "yes"), Said("false", "no"), "maybe", "", 1.5)
DURATIONS = (5, "5", 10, "10", 3, 4, 2, 9, 15, 16, 0, -5, 7.5, Said(5.0, 5), "five", "", True, [5], "5s")
FIVE_OR_TEN = (5, "5", 10, "10", 4, 6, 0, 7.5, "five", "", True, [5])
COUNTS = (1, 9, "9", 0, 10, -1, 1.5, "two", "", True, [1])
MASKS = (picture(320, 320), PNG, picture(640, 360), picture(299, 300), picture(300, 760), 7, "/home/me/a.png")
PATH = [{"x": 1, "y": 1}, {"x": 9, "y": 9}]
SHOTS = [{"index": 1, "prompt": "Harbor", "duration": 2}, {"index": 2, "prompt": "A gull", "duration": 3}]


def _shots(*members: Json) -> list[Json]:
    return [{"index": n, "prompt": "A gull", "duration": 1} | member for n, member in enumerate(members, start=1)]


MULTI_PROMPTS: Values = (
    SHOTS,
    list(reversed(SHOTS)),
    _text_of(SHOTS),
    _shots({}, {}, {}, {}, {}),
    _shots({"duration": "5"}),
    _shots({"duration": 5, "prompt": "x" * 512}),
    _shots({"duration": 5, "prompt": "x" * 513}),
    _shots({"duration": 5, "prompt": ""}),
    _shots({"duration": 6}),
    _shots({"duration": 5}, {"duration": 0}),
    _shots({"index": 2, "duration": 5}),
    _shots({"duration": 3}, {"index": 1, "duration": 2}),
    _shots({}, {}, {}, {}, {}, {}),
    _shots({}, {}, {}, {}, {}, {}, {}),
    _shots({"duration": 5, "colour": "red"}),
    [{"prompt": "A gull", "duration": 5}],
    [{"index": 1, "duration": 5}],
    [{"index": 1, "prompt": "A gull"}],
    ["Harbor"],
    [],
    "",
    "Harbor, then a gull",
    True,
    {"index": 1},
)
MULTI_SHOT = (True, False, Said("true", True), "maybe", 7, "")
SHOT_TYPES = ("customize", "intelligence", "auto", "", 5, True)

# --- tools -------------------------------------------------------------------------------------------------

_VIDEO_MODELS = (
    "kling-v3",
    "kling-v2-6",
    "kling-v2-5-turbo",
    "kling-v2-1-master",
    "kling-v2-1",
    "kling-v2-master",
    "kling-v1-6",
    "kling-v1-5",
    "kling-v1",
    "kling-3.0-turbo",
    Said("kling-3.0", "kling-v3"),
    Said("KLING-V2.6", "kling-v2-6"),
    "kling-v9",
    "kling-v3-omni",
    "",
    3,
    True,
    ["kling-v3"],
)
_CAMERAS: Values = (
    {"type": "simple", "config": {"zoom": 5}},
    _text_of({"type": "simple", "config": {"zoom": 5}}),
    {"type": "simple", "config": {"zoom": 10}},
    {"type": "simple", "config": {"zoom": 10.5}},
    {"type": "simple", "config": {"zoom": 1, "pan": 0}},
    {"type": "simple", "config": {"zoom": 1, "pan": 2}},
    {"type": "simple", "config": {"zoom": 0}},
    {"type": "simple", "config": {"fly": 3}},
    {"type": "simple"},
    {"config": {"tilt": -10}},
    {"config": {"tilt": -10.1}},
    {"type": "down_back"},
    {"type": "forward_up"},
    {"type": "right_turn_forward"},
    {"type": "left_turn_forward"},
    {"type": "down_back", "config": {"zoom": 5}},
    {"type": "spin"},
    {"type": "simple", "config": {"zoom": "far"}},
    {},
    "",
    "zoom in",
    True,
    [1],
)
_DYNAMIC: Values = (
    [{"mask": PNG, "trajectories": PATH}],
    _text_of([{"mask": PNG, "trajectories": PATH}]),
    [{"mask": PNG, "trajectories": PATH}] * 6,
    [{"mask": PNG, "trajectories": PATH}] * 7,
    [{"mask": PNG, "trajectories": [{"x": 1, "y": 1}] * 77}],
    [{"mask": PNG, "trajectories": [{"x": 1, "y": 1}] * 78}],
    [{"mask": PNG, "trajectories": [{"x": 1, "y": 1}]}],
    [{"mask": PNG, "trajectories": [{"x": 1}, {"x": 2, "y": 2}]}],
    [{"mask": PNG, "trajectories": [{"x": 1.5, "y": 1}, {"x": 2, "y": 2}]}],
    [{"mask": PNG}],
    [{"trajectories": PATH}],
    [{"mask": picture(320, 320), "trajectories": PATH}, {"mask": picture(640, 640), "trajectories": PATH}],
    [],
    "",
    True,
    "masks",
)
_VOICES: Values = (
    [{"voice_id": "{voice}"}],
    _text_of([{"voice_id": "829824295735410756"}]),
    [{"voice_id": "829824295735410756"}] * 2,
    [{"voice_id": "829824295735410756"}] * 3,
    [{"voice_id": "123456789012345678"}],
    [{"voice_id": "no id!"}],
    [{"voice": "x"}],
    [{}],
    [],
    True,
)

POOLS: dict[str, Pool] = {
    "generate_video": Pool(
        (
            {"prompt": "a kite over dunes"},
            {"prompt": "a kite", "image": PNG},
            {"prompt": "a kite", "model_name": "kling-v2-6", "mode": "pro", "sound": "on", "image": PNG},
            {"prompt": "a kite", "model_name": "kling-v2-6", "mode": "pro", "image": PNG, "image_tail": PNG},
            {"prompt": "a kite", "model_name": "kling-v1"},
            {"prompt": "a kite", "model_name": "kling-v1-5", "mode": "pro", "image": picture(320, 320)},
            {"prompt": "a kite", "model_name": "kling-v1-6", "mode": "pro", "image_tail": PNG},
            {"prompt": "a kite", "model_name": "kling-v1", "image": picture(320, 320)},
            {"prompt": "a kite", "model_name": "kling-v2-5-turbo", "mode": "pro", "duration": 10},
            {"prompt": "a kite", "model_name": "kling-3.0-turbo"},
            {"prompt": "a kite", "model_name": "kling-3.0-turbo", "image": PNG},
            {"multi_shot": True, "shot_type": "customize", "multi_prompt": SHOTS},
            {"multi_shot": True, "shot_type": "intelligence", "prompt": "a harbor, then a gull", "image": PNG},
            {"prompt": "<<<element_1>>> waves", "image": PNG, "element_list": [{"element_id": "163"}]},
            {
                "prompt": "<<<voice_1>>> speaks",
                "model_name": "kling-v2-6",
                "mode": "pro",
                "sound": "on",
                "image": PNG,
                "voice_list": [{"voice_id": "829824295735410756"}],
            },
        ),
        {
            "prompt": (*LONG_PROMPTS, "<<<voice_1>>> speaks", "<<<element_2>>> waves", "<<<image_1>>>"),
            "model_name": _VIDEO_MODELS,
            "image": PICTURES,
            "image_tail": PICTURES,
            "negative_prompt": NEGATIVE,
            "duration": DURATIONS,
            "mode": MODES,
            "aspect_ratio": RATIOS,
            "sound": ON_OFF,
            "cfg_scale": SHARES,
            "camera_control": _CAMERAS,
            "static_mask": MASKS,
            "dynamic_masks": _DYNAMIC,
            "multi_shot": MULTI_SHOT,
            "shot_type": SHOT_TYPES,
            "multi_prompt": MULTI_PROMPTS,
            "element_list": ELEMENTS,
            "voice_list": _VOICES,
            "watermark": WATERMARKS,
        },
    ),
    "generate_omni_video": Pool(
        (
            {"prompt": "a kite over dunes"},
            {"prompt": "<<<image_1>>> flies", "image_list": [{"image_url": PNG}]},
            {"prompt": "a kite", "image_list": [{"image_url": PNG, "type": "first_frame"}]},
            {
                "prompt": "a kite",
                "image_list": [{"image_url": PNG, "type": "first_frame"}, {"image_url": PNG, "type": "end_frame"}],
            },
            {"prompt": "make it snow in <<<video_1>>>", "video_list": [{"video_url": MP4}]},
            {"prompt": "like <<<video_1>>>", "video_list": [{"video_url": MP4, "refer_type": "feature"}]},
            {"prompt": "a kite", "sound": "on", "mode": "4k"},
            {"prompt": "a kite", "model_name": "kling-video-o1", "duration": 10},
            {"prompt": "<<<element_1>>> waves", "element_list": [{"element_id": "163"}]},
            {"multi_shot": True, "shot_type": "customize", "multi_prompt": SHOTS},
        ),
        {
            "prompt": (*LONG_PROMPTS, "<<<voice_1>>> speaks", "<<<element_2>>> waves", "<<<image_1>>>"),
            "model_name": (
                "kling-v3-omni",
                "kling-video-o1",
                Said("kling-3.0-omni", "kling-v3-omni"),
                "kling-v3",
                "kling-v9",
                "",
                3,
                True,
            ),
            "image_list": (
                [{"image_url": PNG}],
                Said(PNG, [{"image_url": PNG}]),
                Said([PNG, SQUARE], [{"image_url": PNG}, {"image_url": SQUARE}]),
                _text_of([{"image_url": PNG, "type": "first_frame"}]),
                [{"image_url": PNG}] * 4,
                [{"image_url": PNG}] * 5,
                [{"image_url": PNG}] * 7,
                [{"image_url": PNG}] * 8,
                [{"image_url": PNG, "type": "first_frame"}],
                [{"image_url": PNG, "type": "end_frame"}],
                [{"image_url": PNG, "type": "first_frame"}] * 2,
                [{"image_url": PNG, "type": "first_frame"}, {"image_url": PNG, "type": "end_frame"}],
                [
                    {"image_url": PNG, "type": "first_frame"},
                    {"image_url": PNG, "type": "end_frame"},
                    {"image_url": PNG},
                ],
                [{"image_url": PNG, "type": "first_frame"}, *([{"image_url": PNG}] * 7)],
                [{"image_url": picture(299, 320)}],
                [{"image_url": picture(300, 760)}],
                [{"image_url": PNG, "type": "last"}],
                [{"image_url": PNG, "type": ""}],
                [{"image_url": "/home/me/a.png"}],
                [{"image": PNG}],
                [{}],
                [],
                "",
                True,
                5,
            ),
            "element_list": ELEMENTS,
            "video_list": (
                [{"video_url": MP4}],
                Said(MP4, [{"video_url": MP4}]),
                _text_of([{"video_url": MP4, "refer_type": "base", "keep_original_sound": "no"}]),
                [{"video_url": MP4, "refer_type": "feature"}],
                [{"video_url": MP4, "refer_type": "feature", "keep_original_sound": "yes"}],
                [{"video_url": MP4, "keep_original_sound": "maybe"}],
                [{"video_url": MP4, "refer_type": "style"}],
                *(
                    Said([{"video_url": OURS[n]}], [{"video_url": f"{{{n}_url}}"}])
                    for n in ("three", "clip", "fifteen")
                ),
                [{"video_url": MP4}] * 2,
                [{"video_url": "not an address"}],
                [{"url": MP4}],
                [{}],
                [],
                True,
            ),
            "sound": ON_OFF,
            "mode": MODES,
            "aspect_ratio": RATIOS,
            "duration": DURATIONS,
            "multi_shot": MULTI_SHOT,
            "shot_type": SHOT_TYPES,
            "multi_prompt": MULTI_PROMPTS,
            "watermark": WATERMARKS,
        },
    ),
    "motion_control": Pool(
        (
            {"image_url": PNG, "video_url": MP4, "character_orientation": "image"},
            {"image_url": PNG, "video_url": MP4, "character_orientation": "video", "model_name": "kling-v2-6"},
            {
                "image_url": PNG,
                "video_url": MP4,
                "character_orientation": "video",
                "mode": "pro",
                "element_list": [{"element_id": "163"}],
            },
            {"image_url": PNG, "video_url": Said(OURS["clip"], "{clip_url}"), "character_orientation": "video"},
        ),
        {
            "image_url": PICTURES,
            "video_url": (*VIDEO_URLS, *_as_url("three", "fifteen")),
            "character_orientation": ("image", "video", "both", "", 5, True),
            "mode": MODES,
            "model_name": ("kling-v3", "kling-v2-6", "kling-v2-5-turbo", Said("kling-3.0", "kling-v3"), "kling-v9", 3),
            "prompt": (*PROMPTS, "<<<element_1>>> dances"),
            "keep_original_sound": YES_NO,
            "element_list": ELEMENTS,
            "watermark": WATERMARKS,
        },
    ),
    "native_extend": Pool(
        (
            {"video_id": Said(OURS["clip_v16"], "{clip_v16}"), "prompt": "it lands"},
            {"video_id": "{clip_v16}", "negative_prompt": "rain", "cfg_scale": 0.5},
            {"video_id": Said(OURS["clip_v1"], "{clip_v1}")},
        ),
        {
            "video_id": (*VIDEO_IDS, *_as_id("clip_v16", "clip_v1")),
            "prompt": PROMPTS,
            "negative_prompt": NEGATIVE,
            "cfg_scale": SHARES,
            "watermark": WATERMARKS,
        },
    ),
    "apply_effect": Pool(
        (
            {"effect_scene": "net_the_fish", "image": PNG},
            {"effect_scene": "hug_pro", "images": [PNG, SQUARE]},
        ),
        {
            "effect_scene": (
                "net_the_fish",
                "hug_pro",
                Said("Hug Pro", "hug_pro"),
                "kiss",
                "hug",
                "teleport",
                "",
                5,
                True,
            ),
            "image": PICTURES,
            "images": (
                [PNG, PNG],
                _text_of([PNG, PNG]),
                [PNG],
                [PNG] * 3,
                [PNG, picture(299, 320)],
                [PNG, 5],
                [PNG, {"image": PNG}],
                [],
                "",
                True,
                PNG,
            ),
        },
    ),
    "multi_image_to_video": Pool(
        (
            {"image_list": [{"image": PNG}], "prompt": "a kite"},
            {"image_list": [{"image": PNG}] * 4, "prompt": "a kite", "mode": "pro", "duration": 10},
        ),
        {
            "image_list": (
                [{"image": PNG}] * 2,
                Said([PNG, PNG], [{"image": PNG}] * 2),
                Said(PNG, [{"image": PNG}]),
                _text_of([{"image": PNG}]),
                [{"image": PNG}] * 4,
                [{"image": PNG}] * 5,
                [{"image": picture(299, 300)}],
                [{"url": PNG}],
                [{"image": 5}],
                [{}],
                [],
                "",
                True,
            ),
            "prompt": PROMPTS,
            "negative_prompt": NEGATIVE,
            "mode": MODES,
            "duration": FIVE_OR_TEN,
            "aspect_ratio": RATIOS,
            "model_name": ("kling-v1-6", "kling-v3", "kling-v1", "", 5),
            "watermark": WATERMARKS,
        },
    ),
    "advanced_lip_sync": Pool(
        (
            {"session_id": "{faces}", "face_id": "0", "audio_id": "{speech}", "sound_end_time": 2500},
            {"session_id": "{faces}", "face_id": "0", "sound_file": MP3, "sound_end_time": 3000},
            {
                "session_id": "{faces}",
                "face_id": "0",
                "audio_id": Said(OURS["speech"], "{speech}"),
                "sound_end_time": 2500,
            },
        ),
        {
            "session_id": ("{faces}", "{edit}", "123456789012345678", "no id!", MP4, "", True, {}),
            "face_id": ("0", Said(0, "0"), "1", "x" * 101, "", True, [0]),
            "audio_id": (*AUDIO_IDS, *_as_id("short")),
            "sound_file": SOUND_FILES,
            "sound_start_time": (0, 400, "400", 600, 60_000, 60_001, -1, 0.5, "now", True),
            "sound_end_time": (2000, 2500, "2500", 1999, 60_001, -1, 2500.5, "end", True),
            "sound_insert_time": (0, 500, "500", 3041, 4000, -1, 60_001, "now", True),
            "sound_volume": (0, 2, 1.5, "1.5", -0.1, 2.1, "loud", True, "nan"),
            "original_audio_volume": (0, 2, 1.5, "1.5", -0.1, 2.1, "loud", True),
            "watermark": WATERMARKS,
        },
    ),
    "identify_faces": Pool(
        ({"video_id": "{clip}"}, {"video_url": MP4}, {"video_id": Said(OURS["clip"], "{clip}")}),
        {"video_id": VIDEO_IDS, "video_url": VIDEO_URLS},
    ),
    "lip_sync_classic": Pool(
        (
            {"video_id": "{clip}", "text": "Hello there", "voice_id": "oversea_male1", "voice_language": "en"},
            {"video_url": MP4, "audio_file": sound(3)},
            {"video_url": Said(OURS["clip"], "{clip_url}"), "audio_url": MP3},
        ),
        {
            "video_id": VIDEO_IDS,
            "video_url": VIDEO_URLS,
            "mode": ("text2video", "audio2video", "std", "", 5, True),
            "text": ("Hello there", "x" * 120, "x" * 121, "", "你好", 5.5, True, ["Hello"]),
            "voice_id": ("oversea_male1", "girlfriend_4_speech02", "no such voice!", "{voice}", "", 5, True),
            "voice_language": ("en", "zh", "fr", "", 5),
            "voice_speed": (0.8, 2, "1.5", 0.7, 2.1, 1.25, "fast", True),
            "audio_file": SOUND_FILES,
            "audio_url": (MP3, "ftp://cdn.example/a.mp3", "/tmp/a.mp3", "", 5, True),  # noqa: S108 - nobody opens it
        },
    ),
    "generate_avatar": Pool(
        (
            {"image": PNG, "audio_id": "{speech}"},
            {"image": SQUARE, "sound_file": MP3, "mode": "pro", "prompt": "smiles"},
            {"image": PNG, "audio_id": Said(OURS["speech"], "{speech}")},
        ),
        {
            "image": PICTURES,
            "audio_id": (*AUDIO_IDS, *_as_id("short")),
            "sound_file": SOUND_FILES,
            "prompt": PROMPTS,
            "mode": MODES,
            "watermark": WATERMARKS,
        },
    ),
    "text_to_speech": Pool(
        (
            {"text": "Hello there, how are you?"},
            {"text": "你好", "voice_id": "genshin_vindi2", "voice_language": "zh", "voice_speed": 1.2},
        ),
        {
            "text": ("Hello", "x" * 1000, "x" * 1001, "", "  ", 5.5, True, ["Hello"]),
            "voice_id": ("oversea_male1", "no such voice!", "oversea_male_1", "unheard_of_7", "{voice}", "", 5, True),
            "voice_language": ("en", "zh", "fr", "EN", "", 5),
            "voice_speed": (0.8, 2, "1.5", 0.7, 2.1, 1.25, "fast", True, [1]),
        },
    ),
    "text_to_audio": Pool(
        ({"prompt": "rain on a roof", "duration": 5},),
        {
            "prompt": ("rain", "x" * 200, "x" * 201, "", 5.5, True, ["rain"]),
            "duration": (3, 10, 4.5, "4.5", 2.9, 10.1, 4.55, "long", "", True, [5]),
        },
    ),
    "video_to_audio": Pool(
        ({"video_id": "{clip}"}, {"video_url": MP4, "sound_effect_prompt": "rain"}, {"video_url": f"{MP4}?seconds=20"}),
        {
            "video_id": (*VIDEO_IDS, *_as_id("three", "fifteen")),
            "video_url": VIDEO_URLS,
            "sound_effect_prompt": ("rain", "x" * 200, "x" * 201, "", 5.5, True),
            "bgm_prompt": ("jazz", "x" * 200, "x" * 201, "", 5.5, True),
            "asmr_mode": (True, False, "true", "maybe", 7, ""),
        },
    ),
    "generate_image": Pool(
        (
            {"prompt": "a kite"},
            {"prompt": "a kite", "image": PNG},
            {"prompt": "a kite", "model_name": "kling-v2-1"},
            {"prompt": "a kite", "model_name": "kling-v2-1", "image": PNG, "image_reference": "subject"},
            {"prompt": "a kite", "model_name": "kling-v1-5", "image": PNG, "image_reference": "face"},
            {"prompt": "a kite", "model_name": "kling-v2-new", "image": PNG},
            {"prompt": "<<<element_1>>> waves", "element_list": [{"element_id": "163"}]},
        ),
        {
            "prompt": (*PROMPTS, "<<<image_2>>> flies", "<<<video_1>>>"),
            "model_name": (
                "kling-v3",
                "kling-v2-1",
                "kling-v2",
                "kling-v2-new",
                "kling-v1-5",
                "kling-v1",
                Said("kling-3.0", "kling-v3"),
                "kling-v3-omni",
                "kling-v9",
                "",
                5,
                True,
            ),
            "negative_prompt": NEGATIVE,
            "image": PICTURES,
            "image_reference": ("subject", "face", "style", "", 5),
            "image_fidelity": SHARES,
            "human_fidelity": SHARES,
            "element_list": ELEMENTS,
            "resolution": ("1k", "2k", "4k", Said("2K", "2k"), "8k", "", 2, True),
            "n": COUNTS,
            "aspect_ratio": (*RATIOS, "3:4", "3:2", "2:3", "5:4"),
            "watermark": WATERMARKS,
        },
    ),
    "generate_omni_image": Pool(
        (
            {"prompt": "a kite"},
            {"prompt": "<<<image_1>>> flies", "image_list": [{"image": PNG}], "aspect_ratio": "auto"},
            {"prompt": "a kite", "result_type": "series", "series_amount": 3},
            {"prompt": "a kite", "model_name": "kling-image-o1", "n": 2},
            {"prompt": "a kite", "resolution": "4k"},
            {"prompt": "<<<element_1>>> waves", "element_list": [{"element_id": "163"}]},
        ),
        {
            "prompt": (*PROMPTS, "<<<image_2>>> flies", "<<<video_1>>>"),
            "model_name": (
                "kling-v3-omni",
                "kling-image-o1",
                Said("kling-o1", "kling-image-o1"),
                "kling-v3",
                "kling-v9",
                "",
                5,
            ),
            "image_list": (
                [{"image": PNG}],
                Said(PNG, [{"image": PNG}]),
                Said([PNG, PNG], [{"image": PNG}] * 2),
                _text_of([{"image": PNG}]),
                [{"image": PNG}] * 9,
                [{"image": PNG}] * 10,
                [{"image": PNG}] * 11,
                [{"image": picture(299, 300)}],
                [{"url": PNG}],
                [{}],
                [],
                True,
            ),
            "element_list": ELEMENTS,
            "resolution": ("1k", "2k", "4k", Said("4K", "4k"), "8k", "", 2, True),
            "result_type": ("single", "series", "comic", "", 5),
            "n": COUNTS,
            "series_amount": (2, 9, "9", "auto", 1, 10, 2.5, "many", "", True),
            "aspect_ratio": (*RATIOS, "3:4", "3:2", "2:3", "5:4"),
            "watermark": WATERMARKS,
        },
    ),
    "multi_image_to_image": Pool(
        (
            {"subject_image_list": [{"subject_image": PNG}]},
            {"subject_image_list": [{"subject_image": PNG}] * 4, "prompt": "together", "scene_image": PNG, "n": 2},
        ),
        {
            "subject_image_list": (
                [{"subject_image": PNG}] * 2,
                Said([PNG, PNG], [{"subject_image": PNG}] * 2),
                Said(PNG, [{"subject_image": PNG}]),
                _text_of([{"subject_image": PNG}]),
                [{"subject_image": PNG}] * 4,
                [{"subject_image": PNG}] * 5,
                [{"subject_image": picture(299, 300)}],
                [{"image": PNG}],
                [{}],
                [],
                True,
            ),
            "prompt": PROMPTS,
            "scene_image": PICTURES,
            "style_image": PICTURES,
            "n": COUNTS,
            "aspect_ratio": RATIOS,
            "model_name": ("kling-v2-1", "kling-v2", "kling-v3", "kling-v9", "", 5),
            "watermark": WATERMARKS,
        },
    ),
    "expand_image": Pool(
        (
            {"image": PNG, "up_expansion_ratio": 0.5},
            {"image": SQUARE, "target_aspect_ratio": "16:9", "n": 2},
            {"image": PNG, "left_expansion_ratio": 1, "right_expansion_ratio": 1},
        ),
        {
            "image": PICTURES,
            "target_aspect_ratio": ("16:9", "1:1", "9:16", "10:1", "wide", "0:1", "", 2, True),
            "up_expansion_ratio": (0, 2, 0.3333, "0.5", 2.01, -0.1, "far", True),
            "down_expansion_ratio": (0, 1.5, 2, 2.01, -0.1, "far"),
            "left_expansion_ratio": (0, 0.5, 2.01, -0.1, "far"),
            "right_expansion_ratio": (0, 0.5, 2.01, -0.1, "far"),
            "prompt": PROMPTS,
            "n": COUNTS,
            "watermark": WATERMARKS,
        },
    ),
    "ai_multi_shot": Pool(({"element_frontal_image": PNG},), {"element_frontal_image": PICTURES}),
    "recognize_image": Pool(({"image": PNG},), {"image": PICTURES}),
    "virtual_try_on": Pool(
        ({"human_image": PNG, "cloth_image": PNG},),
        {
            "human_image": PICTURES,
            "cloth_image": PICTURES,
            "model_name": (
                "kolors-virtual-try-on-v1",
                "kolors-virtual-try-on-v1-5",
                Said("kolors-virtual-try-on", "kolors-virtual-try-on-v1-5"),
                "kolors-v9",
                "kling-v3",
                "",
                5,
            ),
        },
    ),
    "start_video_edit": Pool(
        ({"video_id": "{clip}"}, {"video_url": MP4}, {"video_id": Said(OURS["clip"], "{clip}")}),
        {"video_id": (*VIDEO_IDS, *_as_id("three", "six", "fifteen")), "video_url": VIDEO_URLS},
    ),
    "mark_video_edit": Pool(
        (
            {"session_id": "{fresh}", "action": "add", "frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]},
            {"session_id": "{edit}", "action": "add", "frame_index": 1, "points": [{"x": 0, "y": 1}] * 10},
            {"session_id": "{fresh}", "action": "clear"},
        ),
        {
            "session_id": ("{edit}", "{faces}", "123456789012345678", "no id!", MP4, "", True),
            "action": ("add", "delete", "clear", "undo", "", 5),
            "frame_index": (0, "3", 119, 100_000, -1, 1.5, "first", True, ""),
            "points": (
                [{"x": 0.5, "y": 0.5}],
                Said([[0.5, 0.5]], [{"x": 0.5, "y": 0.5}]),
                Said({"x": 0.5, "y": 0.5}, [{"x": 0.5, "y": 0.5}]),
                _text_of([{"x": 0.5, "y": 0.5}]),
                [{"x": 0.5, "y": 0.5}] * 10,
                [{"x": 0.5, "y": 0.5}] * 11,
                [{"x": 1.01, "y": 0.5}],
                [{"x": -0.01, "y": 0.5}],
                [{"x": 0.5}],
                [{"x": "left", "y": 0.5}],
                [{"x": 0.5, "y": 0.5, "z": 1}],
                [],
                True,
                "here",
            ),
        },
    ),
    "preview_video_edit": Pool(
        ({"session_id": "{edit}"},),
        {"session_id": ("{edit}", "{faces}", "123456789012345678", "no id!", MP4, "", True, {})},
    ),
    "edit_video": Pool(
        (
            {"session_id": "{edit}", "edit_mode": "removal", "prompt": "remove it from <<<video_1>>>"},
            {
                "session_id": "{edit}",
                "edit_mode": "swap",
                "prompt": "swap <<<image_1>>>",
                "image_list": [{"image": PNG}],
            },
            {"session_id": "{edit}", "edit_mode": "addition", "prompt": "add", "image_list": [{"image": PNG}] * 2},
        ),
        {
            "session_id": ("{edit}", "{fresh}", "{faces}", "123456789012345678", "no id!", "", True),
            "edit_mode": ("addition", "swap", "removal", "paint", "", 5),
            "prompt": (*PROMPTS, "use <<<image_2>>>"),
            "image_list": (
                [{"image": PNG}],
                Said(PNG, [{"image": PNG}]),
                Said([PNG, PNG], [{"image": PNG}] * 2),
                [{"image": PNG}] * 3,
                [{"image": picture(299, 300)}],
                [{"url": PNG}],
                [{}],
                [],
                True,
            ),
            "negative_prompt": NEGATIVE,
            "mode": MODES,
            "duration": FIVE_OR_TEN,
            "watermark": WATERMARKS,
        },
    ),
    "create_voice": Pool(
        (
            {"voice_name": "Ann", "voice_url": MP3},
            {"voice_name": "Ann", "video_id": "{clip}"},
            {"voice_name": "Ann", "video_id": Said(OURS["clip"], "{clip}")},
        ),
        {
            "voice_name": ("Ann", "x" * 20, "x" * 21, "", "  ", 5.5, True, ["Ann"]),
            "voice_url": (MP3, *_as_url("speech", "short"), MP4, "ftp://cdn.example/a.mp3", sound(6), "", 5, True),
            "video_id": VIDEO_IDS,
        },
    ),
    "create_element": Pool(
        (
            {
                "element_name": "Ann",
                "element_description": "A woman",
                "frontal_image": PNG,
                "refer_images": [{"image_url": PNG}],
            },
            {"element_name": "Ann", "element_description": "A woman", "video_url": MP4},
            {"element_name": "Ann", "element_description": "A woman", "video_url": Said(OURS["clip"], "{clip_url}")},
        ),
        {
            "element_name": ("Ann", "x" * 20, "x" * 21, "", 5.5, True, ["Ann"]),
            "element_description": ("A woman", "x" * 100, "x" * 101, "", 5.5, True),
            "frontal_image": PICTURES,
            "refer_images": (
                [{"image_url": PNG}],
                Said([PNG, PNG, PNG], [{"image_url": PNG}] * 3),
                Said(PNG, [{"image_url": PNG}]),
                _text_of([{"image_url": PNG}]),
                [{"image_url": PNG}] * 4,
                [{"image_url": picture(299, 300)}],
                [{"image": PNG}],
                [{}],
                [],
                True,
            ),
            "video_url": (*VIDEO_URLS, *_as_url("three", "fifteen", "upright")),
            "element_voice_id": ("{voice}", "829824295735410756", "123456789012345678", "no id!", MP3, "", True),
            "tag_list": (
                [{"tag_id": "o_102"}],
                Said(["character"], [{"tag_id": "o_102"}]),
                Said("animals", [{"tag_id": "o_103"}]),
                [{"tag_id": "o_999"}],
                ["monster"],
                [{"tag": "o_102"}],
                [{}],
                [],
                True,
                5,
            ),
        },
    ),
}
"""By tool; the two that are steps of a composite by the name of the step's operation."""
