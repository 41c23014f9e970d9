"""What agents get wrong, by tool and by sort of mistake; and what only looks wrong and is understood.

Typed in by hand: the changes to a right request, the argument the refusal names, and words it must have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.sandbox.shop import picture, sound

from .values import MP3, MP4, PNG, SQUARE, Json

GONE: Any = object()
"""Instead of a value: the argument is left out."""


@dataclass(frozen=True)
class Mistake:
    """Changes to a right request, which argument is to blame, and words of the sentence."""

    changes: Json
    field: str
    says: str


@dataclass(frozen=True)
class Alike:
    """Two ways to say the same, as changes to a right request."""

    said: Json
    means: Json


RIGHT: dict[str, Json] = {
    "generate_video": {"prompt": "a kite"},
    "generate_omni_video": {"prompt": "a kite"},
    "motion_control": {"image_url": PNG, "video_url": MP4, "character_orientation": "video"},
    "extend_video": {"video_id": "743211632612511839"},
    "apply_effect": {"effect_scene": "net_the_fish", "image": PNG},
    "multi_image_to_video": {"image_list": [PNG], "prompt": "a kite"},
    "lip_sync": {"video_url": MP4, "text": "Hello there, everybody"},
    "identify_faces": {"video_url": MP4},
    "lip_sync_classic": {"video_url": MP4, "text": "Hello there"},
    "generate_avatar": {"image": PNG, "sound_file": MP3},
    "text_to_speech": {"text": "Hello there"},
    "text_to_audio": {"prompt": "rain", "duration": 5},
    "video_to_audio": {"video_url": MP4},
    "generate_image": {"prompt": "a kite"},
    "generate_omni_image": {"prompt": "a kite"},
    "multi_image_to_image": {"subject_image_list": [PNG]},
    "expand_image": {"image": SQUARE, "up_expansion_ratio": 0.5},
    "ai_multi_shot": {"element_frontal_image": PNG},
    "recognize_image": {"image": PNG},
    "virtual_try_on": {"human_image": PNG, "cloth_image": PNG},
    "start_video_edit": {"video_url": MP4},
    "mark_video_edit": {"session_id": "8505", "action": "add", "frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]},
    "preview_video_edit": {"session_id": "8505"},
    "edit_video": {"session_id": "8505", "edit_mode": "swap", "prompt": "swap it", "image_list": [PNG]},
    "create_voice": {"voice_name": "Ann", "voice_url": MP3},
    "create_element": {
        "element_name": "Ann",
        "element_description": "A woman",
        "frontal_image": PNG,
        "refer_images": [PNG],
    },
}
"""A right request of every tool."""

MISSING: dict[str, tuple[Mistake, ...]] = {
    "generate_video": (Mistake({"prompt": GONE}, "prompt", "is missing"),),
    "generate_omni_video": (Mistake({"prompt": GONE}, "prompt", "is missing"),),
    "motion_control": tuple(
        Mistake({name: GONE}, name, "is required") for name in ("image_url", "video_url", "character_orientation")
    ),
    "extend_video": (Mistake({"video_id": GONE}, "video_id", "is required"),),
    "apply_effect": (
        Mistake({"effect_scene": GONE}, "effect_scene", "is required"),
        Mistake({"image": GONE}, "image", "needs one picture"),
        Mistake({"effect_scene": "hug_pro", "image": GONE}, "images", "needs two pictures"),
    ),
    "multi_image_to_video": (
        Mistake({"image_list": GONE}, "image_list", "is required"),
        Mistake({"prompt": GONE}, "prompt", "is required"),
    ),
    "lip_sync": (
        Mistake({"video_url": GONE}, "video_id", "'video_id' or 'video_url' is missing"),
        Mistake({"text": GONE}, "text", "is missing"),
        Mistake({"video_url": GONE, "session_id": "8505"}, "face_id", "is missing"),
        Mistake({"text": GONE, "sound_file": MP3}, "sound_end_time", "is missing"),
    ),
    "identify_faces": (Mistake({"video_url": GONE}, "video_id", "is missing"),),
    "lip_sync_classic": (
        Mistake({"video_url": GONE}, "video_id", "is missing"),
        Mistake({"text": GONE}, "text", "is missing"),
    ),
    "generate_avatar": (
        Mistake({"image": GONE}, "image", "is required"),
        Mistake({"sound_file": GONE}, "audio_id", "is missing"),
    ),
    "text_to_speech": (Mistake({"text": GONE}, "text", "is required"),),
    "text_to_audio": tuple(Mistake({name: GONE}, name, "is required") for name in ("prompt", "duration")),
    "video_to_audio": (Mistake({"video_url": GONE}, "video_id", "is missing"),),
    "generate_image": (
        Mistake({"prompt": GONE}, "prompt", "is required"),
        Mistake({"model_name": "kling-v2-1", "image_reference": "face"}, "image", "is missing"),
    ),
    "generate_omni_image": (Mistake({"prompt": GONE}, "prompt", "is required"),),
    "multi_image_to_image": (Mistake({"subject_image_list": GONE}, "subject_image_list", "is required"),),
    "expand_image": (
        Mistake({"image": GONE}, "image", "is required"),
        Mistake({"up_expansion_ratio": GONE}, "target_aspect_ratio", "Say how far"),
    ),
    "ai_multi_shot": (Mistake({"element_frontal_image": GONE}, "element_frontal_image", "is required"),),
    "recognize_image": (Mistake({"image": GONE}, "image", "is required"),),
    "virtual_try_on": tuple(Mistake({name: GONE}, name, "is required") for name in ("human_image", "cloth_image")),
    "start_video_edit": (Mistake({"video_url": GONE}, "video_id", "is missing"),),
    "mark_video_edit": (
        Mistake({"session_id": GONE}, "session_id", "is required"),
        Mistake({"action": GONE}, "action", "is required"),
        Mistake({"points": GONE}, "points", "is missing"),
        Mistake({"frame_index": GONE}, "frame_index", "is missing"),
    ),
    "preview_video_edit": (Mistake({"session_id": GONE}, "session_id", "is required"),),
    "edit_video": (
        *(Mistake({name: GONE}, name, "is required") for name in ("session_id", "edit_mode", "prompt")),
        Mistake({"image_list": GONE}, "image_list", "is missing"),
    ),
    "create_voice": (
        Mistake({"voice_name": GONE}, "voice_name", "is required"),
        Mistake({"voice_url": GONE}, "voice_url", "is missing"),
    ),
    "create_element": (
        *(Mistake({name: GONE}, name, "is required") for name in ("element_name", "element_description")),
        *(Mistake({name: GONE}, name, "is missing") for name in ("frontal_image", "refer_images")),
    ),
}

MISSPELLED: dict[str, tuple[str, str]] = {
    "generate_video": ("durration", "duration"),
    "generate_omni_video": ("images_list", "image_list"),
    "motion_control": ("orientation", "character_orientation"),
    "extend_video": ("videoid", "video_id"),
    "apply_effect": ("effect", "effect_scene"),
    "multi_image_to_video": ("negative_promt", "negative_prompt"),
    "lip_sync": ("voice", "voice_id"),
    "identify_faces": ("video_uri", "video_url"),
    "lip_sync_classic": ("audio_uri", "audio_url"),
    "generate_avatar": ("audioid", "audio_id"),
    "text_to_speech": ("speed", "voice_speed"),
    "text_to_audio": ("durations", "duration"),
    "video_to_audio": ("asmr", "asmr_mode"),
    "generate_image": ("aspectratio", "aspect_ratio"),
    "generate_omni_image": ("resultType", "result_type"),
    "multi_image_to_image": ("subject_images", "subject_image_list"),
    "expand_image": ("target_ratio", "target_aspect_ratio"),
    "ai_multi_shot": ("frontal_image", "element_frontal_image"),
    "recognize_image": ("images", "image"),
    "virtual_try_on": ("cloths_image", "cloth_image"),
    "start_video_edit": ("video", "video_id"),
    "mark_video_edit": ("frame", "frame_index"),
    "preview_video_edit": ("session", "session_id"),
    "edit_video": ("editmode", "edit_mode"),
    "create_voice": ("name", "voice_name"),
    "create_element": ("tags", "tag_list"),
}
"""A name that does not exist, and the one that was meant."""

MISTYPED: dict[str, tuple[Mistake, ...]] = {
    "generate_video": (
        Mistake({"duration": "five"}, "duration", "integer (you gave 'five')"),
        Mistake({"image": 7}, "image", "must be text"),
        Mistake({"multi_shot": "perhaps"}, "multi_shot", "boolean (you gave 'perhaps')"),
        Mistake({"camera_control": "zoom in"}, "camera_control", "object (you gave 'zoom in')"),
        Mistake({"cfg_scale": True}, "cfg_scale", "not true or false"),
    ),
    "generate_omni_video": (Mistake({"video_list": True}, "video_list", "list (you gave true)"),),
    "motion_control": (Mistake({"video_url": 5}, "video_url", "must be an http(s) URL"),),
    "extend_video": (Mistake({"video_id": MP4}, "video_id", "is an address"),),
    "apply_effect": (Mistake({"image": {"url": PNG}}, "image", "must be text"),),
    "multi_image_to_video": (Mistake({"image_list": [{"image": 5}]}, "image_list[0].image", "must be text"),),
    "lip_sync": (Mistake({"sound_start_time": "now"}, "sound_start_time", "integer (you gave 'now')"),),
    "identify_faces": (Mistake({"video_url": [MP4, MP4]}, "video_url", "must be an http(s) URL"),),
    "lip_sync_classic": (Mistake({"voice_speed": "fast"}, "voice_speed", "number (you gave 'fast')"),),
    "generate_avatar": (Mistake({"sound_file": 3}, "sound_file", "does not begin like"),),
    "text_to_speech": (Mistake({"text": ["Hello"]}, "text", "string (you gave a list of 1)"),),
    "text_to_audio": (Mistake({"duration": "long"}, "duration", "number (you gave 'long')"),),
    "video_to_audio": (Mistake({"asmr_mode": "maybe"}, "asmr_mode", "boolean (you gave 'maybe')"),),
    "generate_image": (Mistake({"n": "two"}, "n", "integer (you gave 'two')"),),
    "generate_omni_image": (Mistake({"element_list": True}, "element_list", "list (you gave true)"),),
    "multi_image_to_image": (Mistake({"scene_image": False}, "scene_image", "must be text"),),
    "expand_image": (Mistake({"left_expansion_ratio": "far"}, "left_expansion_ratio", "number (you gave 'far')"),),
    "ai_multi_shot": (Mistake({"element_frontal_image": True}, "element_frontal_image", "must be text"),),
    "recognize_image": (Mistake({"image": "/home/me/a.png"}, "image", "cannot read a file of this machine"),),
    "virtual_try_on": (Mistake({"human_image": 5}, "human_image", "must be text"),),
    "start_video_edit": (Mistake({"video_url": "a film"}, "video_url", "must be an http(s) URL"),),
    "mark_video_edit": (Mistake({"frame_index": "first"}, "frame_index", "integer (you gave 'first')"),),
    "preview_video_edit": (Mistake({"session_id": {"id": 1}}, "session_id", "must be a session id"),),
    "edit_video": (Mistake({"prompt": {"text": "x"}}, "prompt", "string (you gave an object)"),),
    "create_voice": (Mistake({"voice_url": sound(6)}, "voice_url", "must be an http(s) URL"),),
    "create_element": (Mistake({"element_voice_id": "no id!"}, "element_voice_id", "must be a voice id"),),
}

OUT_OF_RANGE: dict[str, tuple[Mistake, ...]] = {
    "generate_video": (
        Mistake({"duration": 16}, "duration", "last 3 to 15 s"),
        Mistake({"prompt": "x" * 3073}, "prompt", "has 3073 characters"),
        Mistake({"cfg_scale": 1.1}, "cfg_scale", "less than or equal to 1"),
        Mistake({"image": picture(299, 300)}, "image", "299x300 px"),
        Mistake({"image": PNG, "element_list": ["1", "2", "3", "4"]}, "element_list", "at most 3"),
    ),
    "generate_omni_video": (
        Mistake({"duration": 2}, "duration", "last 3 to 15 s"),
        Mistake({"image_list": [PNG] * 8}, "image_list", "at most 7"),
    ),
    "motion_control": (Mistake({"prompt": "x" * 2501}, "prompt", "2500 characters"),),
    "extend_video": (Mistake({"cfg_scale": -0.1}, "cfg_scale", "greater than or equal to 0"),),
    "apply_effect": (Mistake({"effect_scene": "teleport"}, "effect_scene", "is no effect of Kling's"),),
    "multi_image_to_video": (
        Mistake({"image_list": [PNG] * 5}, "image_list", "at most 4"),
        Mistake({"duration": 6}, "duration", "must be 5 or 10"),
    ),
    "lip_sync": (
        Mistake({"text": "x" * 1001}, "text", "1000 characters"),
        Mistake({"sound_volume": 2.1}, "sound_volume", "less than or equal to 2"),
    ),
    "identify_faces": (Mistake({"video_url": "ftp://cdn.example/v.mp4"}, "video_url", "fetches only http"),),
    "lip_sync_classic": (Mistake({"text": "x" * 121}, "text", "120 characters"),),
    "generate_avatar": (Mistake({"image": picture(300, 760)}, "image", "its ratio must lie between"),),
    "text_to_speech": (Mistake({"voice_speed": 2.1}, "voice_speed", "less than or equal to 2"),),
    "text_to_audio": (Mistake({"duration": 10.1}, "duration", "less than or equal to 10"),),
    "video_to_audio": (Mistake({"bgm_prompt": "x" * 201}, "bgm_prompt", "200 characters"),),
    "generate_image": (Mistake({"n": 10}, "n", "less than or equal to 9"),),
    "generate_omni_image": (
        Mistake({"result_type": "series", "series_amount": 10}, "series_amount", "must be 2 to 9"),
        Mistake({"image_list": [PNG] * 11}, "image_list", "more than the 10"),
    ),
    "multi_image_to_image": (Mistake({"subject_image_list": [PNG] * 5}, "subject_image_list", "at most 4"),),
    "expand_image": (
        Mistake({"up_expansion_ratio": 2.1}, "up_expansion_ratio", "less than or equal to 2"),
        Mistake({"up_expansion_ratio": 2, "left_expansion_ratio": 1}, "up_expansion_ratio", "allows 3 times"),
    ),
    "ai_multi_shot": (Mistake({"element_frontal_image": picture(320, 299)}, "element_frontal_image", "300 px"),),
    "recognize_image": (Mistake({"image": picture(800, 310)}, "image", "its ratio must lie between"),),
    "virtual_try_on": (Mistake({"cloth_image": picture(100, 100)}, "cloth_image", "300 px"),),
    "start_video_edit": (Mistake({"video_url": "http://10.0.0.1/v.mp4"}, "video_url", "cannot reach"),),
    "mark_video_edit": (
        Mistake({"points": [{"x": 1.1, "y": 0}]}, "points[0].x", "less than or equal to 1"),
        Mistake({"points": [[0, 0]] * 11}, "points", "at most 10"),
        Mistake({"frame_index": -1}, "frame_index", "greater than or equal to 0"),
    ),
    "preview_video_edit": (Mistake({"session_id": "8" * 300}, "session_id", "must be a session id"),),
    "edit_video": (Mistake({"image_list": [PNG] * 3}, "image_list", "at most 2"),),
    "create_voice": (Mistake({"voice_name": "x" * 21}, "voice_name", "20 characters"),),
    "create_element": (
        Mistake({"element_description": "x" * 101}, "element_description", "100 characters"),
        Mistake({"refer_images": [PNG] * 4}, "refer_images", "at most 3"),
    ),
}

CONTRADICTING: dict[str, tuple[Mistake, ...]] = {
    "generate_video": (
        Mistake({"voice_list": ["829824295735410756"], "image": PNG}, "voice_list", "does not offer"),
        Mistake({"image": PNG, "aspect_ratio": "1:1"}, "aspect_ratio", "the picture decides the shape"),
        Mistake({"multi_prompt": [{"index": 1, "prompt": "x", "duration": 5}]}, "multi_prompt", "no effect"),
        Mistake({"prompt": "<<<element_1>>> waves"}, "prompt", "cites <<<element_1>>>"),
    ),
    "generate_omni_video": (
        Mistake({"video_list": [MP4], "sound": "on"}, "sound", "with 'video_list' it must be off"),
        Mistake({"image_list": [{"image_url": PNG, "type": "end_frame"}]}, "image_list", "without a first_frame"),
    ),
    "motion_control": (
        Mistake(
            {"character_orientation": "image", "element_list": ["163"]}, "character_orientation", "Set it to video"
        ),
    ),
    "apply_effect": (Mistake({"images": [PNG, PNG]}, "images", "cannot be used together with 'image'"),),
    "lip_sync": (
        Mistake({"audio_id": "9308"}, "audio_id", "cannot be used together with 'text'"),
        Mistake({"video_id": "7432"}, "video_url", "cannot be used together with 'video_id'"),
    ),
    "identify_faces": (Mistake({"video_id": "7432"}, "video_url", "cannot be used together"),),
    "lip_sync_classic": (
        Mistake({"mode": "audio2video"}, "mode", "takes a sound, but 'text' is given"),
        Mistake({"audio_url": MP3}, "audio_url", "cannot be used together with 'text'"),
    ),
    "generate_avatar": (Mistake({"audio_id": "9308"}, "sound_file", "cannot be used together"),),
    "video_to_audio": (Mistake({"video_id": "7432"}, "video_url", "cannot be used together"),),
    "generate_image": (
        Mistake({"image": PNG, "negative_prompt": "rain"}, "negative_prompt", "cannot be used together with 'image'"),
    ),
    "generate_omni_image": (
        Mistake({"series_amount": 3}, "series_amount", "no effect unless result_type is 'series'"),
        Mistake({"aspect_ratio": "auto"}, "aspect_ratio", "needs a picture"),
    ),
    "expand_image": (Mistake({"target_aspect_ratio": "16:9"}, "up_expansion_ratio", "cannot be used together"),),
    "start_video_edit": (Mistake({"video_id": "7432"}, "video_url", "cannot be used together"),),
    "mark_video_edit": (Mistake({"action": "clear", "frame_index": GONE}, "points", "'clear' removes every mark"),),
    "edit_video": (Mistake({"edit_mode": "removal"}, "image_list", "takes no picture"),),
    "create_voice": (Mistake({"video_id": "7432"}, "video_id", "cannot be used together"),),
    "create_element": (Mistake({"video_url": MP4}, "frontal_image", "cannot be used together"),),
}
"""No such thing: multi_image_to_image, ai_multi_shot and the other tools that take nothing that could contradict."""

WRONG_MODEL: dict[str, tuple[Mistake, ...]] = {
    "generate_video": (
        Mistake({"model_name": "kling-v2-7"}, "model_name", "Did you mean 'kling-v2-6'?"),
        Mistake({"model_name": "kling-v3-omni"}, "model_name", "Use generate_omni_video"),
        Mistake({"model_name": "kling-v2-6", "mode": "4k"}, "mode", "has std or pro"),
        Mistake({"model_name": "kling-v2-1"}, "model_name", "only from an image"),
    ),
    "generate_omni_video": (
        Mistake({"model_name": "kling-v3"}, "model_name", "Use generate_video"),
        Mistake({"model_name": "kling-video-o1", "sound": "on"}, "sound", "makes silent clips"),
    ),
    "motion_control": (
        Mistake({"model_name": "kling-v1"}, "model_name", "does not know"),
        Mistake({"model_name": "kling-v2-6", "element_list": ["163"]}, "element_list", "at most 0"),
    ),
    "multi_image_to_video": (Mistake({"model_name": "kling-v3"}, "model_name", "It runs kling-v1-6"),),
    "lip_sync": (Mistake({"voice_id": "829824295735410756"}, "voice_id", "voice of the library"),),
    "text_to_speech": (Mistake({"voice_id": "oversea_male_1"}, "voice_id", "Did you mean 'oversea_male1'"),),
    "generate_image": (
        Mistake({"model_name": "kling-v4"}, "model_name", "Did you mean 'kling-v"),
        Mistake({"model_name": "kling-v2-1", "element_list": ["163"]}, "element_list", "kling-v3 can"),
    ),
    "generate_omni_image": (
        Mistake({"model_name": "kling-image-o1", "resolution": "4k"}, "resolution", "kling-v3-omni can"),
    ),
    "multi_image_to_image": (Mistake({"model_name": "kling-v3"}, "model_name", "does not know"),),
    "virtual_try_on": (Mistake({"model_name": "kolors-v2"}, "model_name", "It runs kolors-virtual-try-on-v1-5"),),
    "apply_effect": (
        Mistake({"effect_scene": "kiss", "image": GONE, "images": [PNG, PNG]}, "effect_scene", "kiss_pro"),
    ),
}
"""Of the tools that have models, voices or scenes."""

RETIRED: dict[str, Json] = {
    "generate_video": {"model_name": "kling-v1-6"},
    "multi_image_to_video": {},
    "generate_image": {"model_name": "kling-v2"},
    "multi_image_to_image": {"model_name": "kling-v2"},
}
"""Requests of models that Kling has retired: they pass, with a note."""

UNDERSTOOD: dict[str, tuple[Alike, ...]] = {
    "generate_video": (
        Alike({"negative_prompt": "", "image": "", "element_list": [], "camera_control": {}}, {}),
        Alike({"duration": "10"}, {"duration": 10}),
        Alike({"sound": True, "multi_shot": "false"}, {"sound": "on", "multi_shot": False}),
        Alike({"image": f"data:image/png;base64,{SQUARE}"}, {"image": SQUARE}),
        Alike(
            {"image": PNG, "element_list": '[{"element_id": "163"}]'},
            {"image": PNG, "element_list": [{"element_id": 163}]},
        ),
        Alike({"model_name": "Kling-3.0"}, {"model_name": "kling-v3"}),
    ),
    "generate_omni_video": (
        Alike({"image_list": f'["{PNG}"]'}, {"image_list": [{"image_url": PNG}]}),
        Alike({"image_list": [{"image_url": PNG, "type": ""}]}, {"image_list": [PNG]}),
        Alike({"duration": "7", "video_list": []}, {"duration": 7}),
        Alike({"image_list": [f"data:image/png;base64,{SQUARE}"]}, {"image_list": [SQUARE]}),
    ),
    "motion_control": (
        Alike({"element_list": "163", "prompt": ""}, {"element_list": [{"element_id": 163}]}),
        Alike({"keep_original_sound": False}, {"keep_original_sound": "no"}),
    ),
    "extend_video": (
        Alike({"cfg_scale": "0.5", "prompt": ""}, {"cfg_scale": 0.5}),
        Alike({"video_id": 743211632612511839, "duration": ""}, {}),
    ),
    "apply_effect": (Alike({"effect_scene": "Net the Fish", "images": ""}, {}),),
    "multi_image_to_video": (
        Alike({"image_list": f'[{{"image": "{PNG}"}}]', "duration": "10"}, {"duration": 10}),
        Alike({"image_list": PNG, "aspect_ratio": ""}, {}),
    ),
    "lip_sync": (
        Alike({"face_id": 1, "sound_volume": "1.5"}, {"face_id": "1", "sound_volume": 1.5}),
        Alike({"audio_id": "", "sound_file": "", "voice_id": ""}, {}),
    ),
    "identify_faces": (Alike({"video_id": ""}, {}),),
    "lip_sync_classic": (
        Alike({"voice_speed": "1.5", "audio_url": ""}, {"voice_speed": 1.5}),
        Alike(
            {"text": GONE, "audio_file": f"data:audio/wav;base64,{sound(3)}"}, {"text": GONE, "audio_file": sound(3)}
        ),
    ),
    "generate_avatar": (
        Alike({"audio_id": "", "sound_file": f"data:audio/wav;base64,{sound(3)}"}, {"sound_file": sound(3)}),
        Alike({"image": f"data:image/png;base64,{SQUARE}", "watermark": "true"}, {"image": SQUARE, "watermark": True}),
    ),
    "text_to_speech": (Alike({"voice_id": "", "voice_speed": "0.8"}, {"voice_speed": 0.8}),),
    "text_to_audio": (Alike({"duration": "5"}, {}),),
    "video_to_audio": (Alike({"asmr_mode": "true", "bgm_prompt": ""}, {"asmr_mode": True}),),
    "generate_image": (
        Alike({"n": "2", "image": "", "element_list": "[]"}, {"n": 2}),
        Alike({"resolution": "2K"}, {"resolution": "2k"}),
    ),
    "generate_omni_image": (
        Alike({"image_list": f'[{{"image": "{PNG}"}}]'}, {"image_list": [PNG]}),
        Alike({"result_type": "series", "series_amount": "3"}, {"result_type": "series", "series_amount": 3}),
        Alike({"image_list": [f"data:image/png;base64,{SQUARE}"]}, {"image_list": [SQUARE]}),
    ),
    "multi_image_to_image": (
        Alike({"subject_image_list": f'["{PNG}"]', "n": "2"}, {"n": 2}),
        Alike({"subject_image_list": PNG, "prompt": " "}, {}),
    ),
    "expand_image": (Alike({"up_expansion_ratio": "0.5", "prompt": "", "n": "1"}, {"n": 1}),),
    "ai_multi_shot": (
        Alike({"element_frontal_image": f"data:image/png;base64,{SQUARE}"}, {"element_frontal_image": SQUARE}),
    ),
    "recognize_image": (Alike({"image": f"data:image/png;base64,{SQUARE}"}, {"image": SQUARE}),),
    "virtual_try_on": (Alike({"model_name": ""}, {}),),
    "start_video_edit": (Alike({"video_id": "  "}, {}),),
    "mark_video_edit": (
        Alike({"frame_index": "0", "points": '[{"x": "0.5", "y": 0.5}]'}, {}),
        Alike({"points": [[0.5, 0.5]]}, {}),
    ),
    "preview_video_edit": (Alike({"session_id": 8505}, {}),),
    "edit_video": (Alike({"image_list": PNG, "duration": "5", "negative_prompt": ""}, {"duration": 5}),),
    "create_voice": (Alike({"video_id": ""}, {}),),
    "create_element": (
        Alike({"tag_list": '["o_102"]', "refer_images": PNG}, {"tag_list": ["character"]}),
        Alike({"video_url": "", "element_voice_id": ""}, {}),
    ),
}
"""Empty texts and lists, JSON text, numbers as text, ``data:`` prefixes, and spellings that mean the same."""
