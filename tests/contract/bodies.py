"""One body, or more, for every endpoint of both contract files, typed in from their text.

Neither our serializer nor our sandbox made them, so that the two cannot share a mistake. Where an agent would ask for
the same thing, ``tool`` and ``says`` are what it would say; ``sent`` is what our client posts where it writes out more
than the body has (a default that decides the price). ``{…}`` stands for something the account must have first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PNG = "https://cdn.example/a.png"
OTHER_PNG = "https://cdn.example/b.png"
MP4 = "https://cdn.example/v.mp4"
MP3 = "https://cdn.example/a.mp3"

Json = dict[str, Any]


@dataclass(frozen=True)
class Body:
    """A request of the contract.

    Attributes:
        about: What it shows.
        path: Where it is posted.
        body: The body.
        tool: Which tool an agent would call for it; empty if none.
        says: With which arguments.
        sent: What our client posts for that, where it is not ``body`` itself; and where, if not at ``path``.
    """

    about: str
    path: str
    body: Json
    tool: str = ""
    says: Json | None = None
    sent: Json | None = None


@dataclass(frozen=True)
class Bad:
    """A request that Kling refuses.

    Attributes:
        about: What is wrong with it.
        path: Where it is posted.
        body: The body.
        says: A word of the answer that tells what is wrong.
        tool: Which tool an agent would call for it; empty where no tool can say such a thing.
        arguments: With which arguments.
        code: Kling's code.
    """

    about: str
    path: str
    body: Any
    says: str = ""
    tool: str = ""
    arguments: Json | None = None
    code: int = 1201


V = "/v1/videos"
I = "/v1/images"  # noqa: E741 - stands beside V
G = "/v1/general"
A = "/v1/audio"
SHOTS = [{"index": 1, "prompt": "Harbor", "duration": "3"}, {"index": 2, "prompt": "A gull", "duration": "4"}]
SHOTS_SAID = [{"index": 1, "prompt": "Harbor", "duration": 3}, {"index": 2, "prompt": "A gull", "duration": 4}]

GOOD = (
    # --- A1, A2: text and image to video
    Body(
        "customised shots with sound",
        f"{V}/text2video",
        {
            "model_name": "kling-v3",
            "multi_shot": True,
            "shot_type": "customize",
            "prompt": "",
            "multi_prompt": SHOTS,
            "duration": "7",
            "mode": "pro",
            "sound": "on",
            "aspect_ratio": "9:16",
        },
        "generate_video",
        {
            "multi_shot": True,
            "shot_type": "customize",
            "multi_prompt": SHOTS_SAID,
            "duration": 7,
            "mode": "pro",
            "sound": "on",
            "aspect_ratio": "9:16",
        },
        {
            "model_name": "kling-v3",
            "multi_shot": True,
            "shot_type": "customize",
            "multi_prompt": SHOTS,
            "duration": "7",
            "mode": "pro",
            "sound": "on",
            "aspect_ratio": "9:16",
        },
    ),
    Body(
        "first and last frame, silent",
        f"{V}/image2video",
        {
            "model_name": "kling-v2-6",
            "image": PNG,
            "image_tail": OTHER_PNG,
            "prompt": "Slow push-in",
            "duration": "10",
            "mode": "pro",
            "sound": "off",
        },
        "generate_video",
        {
            "model_name": "kling-v2-6",
            "image": PNG,
            "image_tail": OTHER_PNG,
            "prompt": "Slow push-in",
            "duration": "10",
            "mode": "pro",
            "sound": "off",
        },
    ),
    Body(
        "an element and a picture",
        f"{V}/image2video",
        {
            "model_name": "kling-v3",
            "image": PNG,
            "prompt": "<<<element_1>>> smiles",
            "element_list": [{"element_id": "{element}"}],
            "duration": "5",
            "mode": "std",
            "sound": "off",
        },
        "generate_video",
        {"image": PNG, "prompt": "<<<element_1>>> smiles", "element_list": [{"element_id": "{element}"}]},
    ),
    # --- A3: omni video
    Body(
        "a helmet for the rider: base editing with a picture",
        f"{V}/omni-video",
        {
            "model_name": "kling-video-o1",
            "prompt": "Give the rider in <<<video_1>>> the helmet of <<<image_1>>>",
            "image_list": [{"image_url": PNG}],
            "video_list": [{"video_url": MP4, "refer_type": "base", "keep_original_sound": "yes"}],
            "mode": "pro",
        },
        "generate_omni_video",
        {
            "model_name": "kling-video-o1",
            "prompt": "Give the rider in <<<video_1>>> the helmet of <<<image_1>>>",
            "image_list": [{"image_url": PNG}],
            "video_list": [{"video_url": MP4, "refer_type": "base", "keep_original_sound": "yes"}],
            "mode": "pro",
        },
    ),
    Body(
        "an element and pictures, from words",
        f"{V}/omni-video",
        {
            "model_name": "kling-v3-omni",
            "prompt": "<<<element_1>>> in the rain of <<<image_1>>>",
            "image_list": [{"image_url": PNG}],
            "element_list": [{"element_id": "{element}"}],
            "mode": "std",
            "sound": "on",
            "aspect_ratio": "16:9",
            "duration": "6",
        },
        "generate_omni_video",
        {
            "prompt": "<<<element_1>>> in the rain of <<<image_1>>>",
            "image_list": [{"image_url": PNG}],
            "element_list": [{"element_id": "{element}"}],
            "mode": "std",
            "sound": "on",
            "aspect_ratio": "16:9",
            "duration": 6,
        },
    ),
    Body(
        "first and end frame",
        f"{V}/omni-video",
        {
            "model_name": "kling-v3-omni",
            "prompt": "From one to the other",
            "image_list": [{"image_url": PNG, "type": "first_frame"}, {"image_url": OTHER_PNG, "type": "end_frame"}],
            "mode": "pro",
            "sound": "off",
            "duration": "5",
        },
        "generate_omni_video",
        {
            "prompt": "From one to the other",
            "image_list": [{"image_url": PNG, "type": "first_frame"}, {"image_url": OTHER_PNG, "type": "end_frame"}],
        },
    ),
    # --- A4 to A7
    Body(
        "the dog wears the hat",
        f"{V}/multi-image2video",
        {
            "image_list": [{"image": PNG}, {"image": OTHER_PNG}],
            "prompt": "The dog wears the hat",
            "duration": "5",
            "mode": "std",
        },
        "multi_image_to_video",
        {"image_list": [PNG, OTHER_PNG], "prompt": "The dog wears the hat", "duration": 5, "mode": "std"},
    ),
    Body(
        "a dance, with an element",
        f"{V}/motion-control",
        {
            "model_name": "kling-v3",
            "image_url": PNG,
            "video_url": MP4,
            "character_orientation": "video",
            "mode": "std",
            "element_list": [{"element_id": "{element}"}],
        },
        "motion_control",
        {
            "image_url": PNG,
            "video_url": MP4,
            "character_orientation": "video",
            "mode": "std",
            "element_list": [{"element_id": "{element}"}],
        },
    ),
    Body(
        "on with the puppy",
        f"{V}/video-extend",
        {"video_id": "{clip_v16}", "prompt": "The puppy runs out of frame"},
    ),
    # --- A6: editing
    Body(
        "a session",
        f"{V}/multi-elements/init-selection",
        {"video_id": "{clip}"},
        "start_video_edit",
        {"video_id": "{clip}"},
    ),
    Body(
        "marking",
        f"{V}/multi-elements/add-selection",
        {"session_id": "{fresh}", "frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]},
        "mark_video_edit",
        {"session_id": "{fresh}", "action": "add", "frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]},
    ),
    Body(
        "seeing what is marked",
        f"{V}/multi-elements/preview-selection",
        {"session_id": "{edit}"},
        "preview_video_edit",
        {"session_id": "{edit}"},
    ),
    Body(
        "the cat for the chick",
        f"{V}/multi-elements",
        {
            "session_id": "{edit}",
            "edit_mode": "swap",
            "image_list": [{"image": PNG}],
            "prompt": "swap the cat from <<<image_1>>> for the chick from <<<video_1>>>",
            "mode": "pro",
            "duration": "5",
        },
        "edit_video",
        {
            "session_id": "{edit}",
            "edit_mode": "swap",
            "image_list": [{"image": PNG}],
            "prompt": "swap the cat from <<<image_1>>> for the chick from <<<video_1>>>",
            "mode": "pro",
            "duration": 5,
        },
    ),
    Body(
        "unmarking",
        f"{V}/multi-elements/delete-selection",
        {"session_id": "{unmarked}", "frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]},
        "mark_video_edit",
        {"session_id": "{unmarked}", "action": "delete", "frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]},
    ),
    Body(
        "unmarking everything",
        f"{V}/multi-elements/clear-selection",
        {"session_id": "{cleared}"},
        "mark_video_edit",
        {"session_id": "{cleared}", "action": "clear"},
    ),
    # --- A8 to A11
    Body(
        "spoken by a voice of the old lip-sync",
        f"{V}/lip-sync",
        {
            "input": {
                "video_id": "{clip}",
                "mode": "text2video",
                "text": "Hello there",
                "voice_id": "oversea_male1",
                "voice_language": "en",
                "voice_speed": 1.0,
            }
        },
        "lip_sync_classic",
        {
            "video_id": "{clip}",
            "text": "Hello there",
            "voice_id": "oversea_male1",
            "voice_language": "en",
            "voice_speed": 1.0,
        },
    ),
    Body(
        "a song for the old lip-sync",
        f"{V}/lip-sync",
        {"input": {"video_url": MP4, "mode": "audio2video", "audio_type": "url", "audio_url": MP3, "video_id": ""}},
        "lip_sync_classic",
        {"video_url": MP4, "audio_url": MP3},
        {"input": {"video_url": MP4, "mode": "audio2video", "audio_type": "url", "audio_url": MP3}},
    ),
    Body("who is in it", f"{V}/identify-face", {"video_id": "{clip}"}, "identify_faces", {"video_id": "{clip}"}),
    Body(
        "the lips of one face",
        f"{V}/advanced-lip-sync",
        {
            "session_id": "{faces}",
            "face_choose": [
                {
                    "face_id": "0",
                    "audio_id": "{speech}",
                    "sound_start_time": 0,
                    "sound_end_time": 2000,
                    "sound_insert_time": 500,
                }
            ],
        },
    ),
    Body(
        "a talking picture",
        f"{V}/avatar/image2video",
        {"image": PNG, "audio_id": "{speech}", "mode": "std"},
        "generate_avatar",
        {"image": PNG, "audio_id": "{speech}", "mode": "std"},
    ),
    Body(
        "an effect with two pictures",
        f"{V}/effects",
        {"effect_scene": "hug_pro", "input": {"images": [PNG, OTHER_PNG]}},
        "apply_effect",
        {"effect_scene": "hug_pro", "images": [PNG, OTHER_PNG]},
    ),
    Body(
        "an effect with one picture",
        f"{V}/effects",
        {"effect_scene": "disco_paws", "input": {"image": PNG}},
        "apply_effect",
        {"effect_scene": "disco_paws", "image": PNG},
    ),
    # --- image-audio-general.md 2 to 8
    Body(
        "a lantern",
        f"{I}/generations",
        {
            "model_name": "kling-v3",
            "prompt": "A paper lantern floating over a dark lake",
            "resolution": "1k",
            "n": 1,
            "aspect_ratio": "3:2",
        },
        "generate_image",
        {"prompt": "A paper lantern floating over a dark lake", "resolution": "1k", "n": 1, "aspect_ratio": "3:2"},
    ),
    Body(
        "the same face",
        f"{I}/generations",
        {
            "model_name": "kling-v2-1",
            "prompt": "As an astronaut",
            "image": PNG,
            "image_reference": "subject",
            "image_fidelity": 0.6,
            "human_fidelity": 0.4,
            "negative_prompt": "",
        },
        "generate_image",
        {
            "model_name": "kling-v2-1",
            "prompt": "As an astronaut",
            "image": PNG,
            "image_reference": "subject",
            "image_fidelity": 0.6,
            "human_fidelity": 0.4,
            "negative_prompt": "",
        },
    ),
    Body(
        "like a picture, nothing of it named",
        f"{I}/generations",
        {"model_name": "kling-v2-1", "prompt": "As an astronaut", "image": PNG, "image_fidelity": 0.6},
        "generate_image",
        {"model_name": "kling-v2-1", "prompt": "As an astronaut", "image": PNG, "image_fidelity": 0.6},
    ),
    Body(
        "a storyboard",
        f"{I}/omni-image",
        {
            "model_name": "kling-v3-omni",
            "prompt": "Turn <<<image_1>>> into a four panel storyboard",
            "image_list": [{"image": PNG}],
            "resolution": "2k",
            "result_type": "series",
            "series_amount": 4,
            "aspect_ratio": "16:9",
        },
        "generate_omni_image",
        {
            "prompt": "Turn <<<image_1>>> into a four panel storyboard",
            "image_list": [PNG],
            "resolution": "2k",
            "result_type": "series",
            "series_amount": 4,
            "aspect_ratio": "16:9",
        },
    ),
    Body(
        "two at a picnic",
        f"{I}/multi-image2image",
        {
            "subject_image_list": [{"subject_image": PNG}, {"subject_image": OTHER_PNG}],
            "prompt": "both at a picnic",
            "n": 1,
            "aspect_ratio": "1:1",
        },
        "multi_image_to_image",
        {"subject_image_list": [PNG, OTHER_PNG], "prompt": "both at a picnic", "n": 1, "aspect_ratio": "1:1"},
    ),
    Body(
        "three times the area",
        f"{I}/editing/expand",
        {
            "image": PNG,
            "up_expansion_ratio": 0.5,
            "down_expansion_ratio": 0.5,
            "left_expansion_ratio": 0.25,
            "right_expansion_ratio": 0.25,
            "n": 1,
        },
        "expand_image",
        {
            "image": PNG,
            "up_expansion_ratio": 0.5,
            "down_expansion_ratio": 0.5,
            "left_expansion_ratio": 0.25,
            "right_expansion_ratio": 0.25,
            "n": 1,
        },
    ),
    Body(
        "the vendor's own sample, a hair under three times",
        f"{I}/editing/expand",
        {
            "image": PNG,
            "up_expansion_ratio": 0.1495,
            "down_expansion_ratio": 0.1495,
            "left_expansion_ratio": 0.6547,
            "right_expansion_ratio": 0.6547,
        },
    ),
    Body(
        "three views",
        f"{G}/ai-multi-shot",
        {"element_frontal_image": PNG},
        "ai_multi_shot",
        {"element_frontal_image": PNG},
    ),
    Body(
        "me in the shirt",
        f"{I}/kolors-virtual-try-on",
        {"model_name": "kolors-virtual-try-on-v1-5", "human_image": PNG, "cloth_image": OTHER_PNG},
        "virtual_try_on",
        {"human_image": PNG, "cloth_image": OTHER_PNG},
    ),
    Body("what is in it", f"{V}/image-recognize", {"image": PNG}, "recognize_image", {"image": PNG}),
    # --- 9, 10: library
    Body(
        "a courier",
        f"{G}/advanced-custom-elements",
        {
            "element_name": "Courier",
            "element_description": "Young courier in a yellow jacket",
            "reference_type": "image_refer",
            "element_image_list": {"frontal_image": PNG, "refer_images": [{"image_url": OTHER_PNG}]},
            "tag_list": [{"tag_id": "o_102"}],
        },
        "create_element",
        {
            "element_name": "Courier",
            "element_description": "Young courier in a yellow jacket",
            "frontal_image": PNG,
            "refer_images": [OTHER_PNG],
            "tag_list": ["o_102"],
        },
    ),
    Body(
        "a character from a film",
        f"{G}/advanced-custom-elements",
        {
            "element_name": "Runner",
            "element_description": "Runs",
            "reference_type": "video_refer",
            "element_video_list": {"refer_videos": [{"video_url": MP4}]},
        },
        "create_element",
        {"element_name": "Runner", "element_description": "Runs", "video_url": MP4},
    ),
    Body(
        "an element the old way",
        f"{G}/custom-elements",
        {
            "element_name": "Courier",
            "element_description": "Young courier",
            "element_frontal_image": PNG,
            "element_refer_list": [{"image_url": OTHER_PNG}],
        },
    ),
    Body(
        "a narrator",
        f"{G}/custom-voices",
        {"voice_name": "Narrator A", "voice_url": MP3},
        "create_voice",
        {"voice_name": "Narrator A", "voice_url": MP3},
    ),
    Body("a voice deleted", f"{G}/delete-voices", {"voice_id": "{unloved_voice}"}),
    Body("an element deleted", f"{G}/delete-elements", {"element_id": "{unloved}"}),
    Body("an element deleted at the other address", f"{G}/delete-advanced-elements", {"element_id": "{unloved_too}"}),
    # --- 11 to 13
    Body(
        "welcome",
        f"{A}/tts",
        {"text": "Welcome aboard.", "voice_id": "oversea_male1", "voice_language": "en", "voice_speed": 1.2},
        "text_to_speech",
        {"text": "Welcome aboard.", "voice_id": "oversea_male1", "voice_language": "en", "voice_speed": 1.2},
    ),
    Body("too fast is clamped at Kling", f"{A}/tts", {"text": "Hi", "voice_id": "oversea_male1", "voice_speed": 9}),
    Body(
        "rain",
        f"{A}/text-to-audio",
        {"prompt": "rain on a tin roof", "duration": 4.5},
        "text_to_audio",
        {"prompt": "rain on a tin roof", "duration": 4.5},
    ),
    Body(
        "footsteps",
        f"{A}/video-to-audio",
        {"video_url": MP4, "sound_effect_prompt": "footsteps on gravel", "asmr_mode": True},
        "video_to_audio",
        {"video_url": MP4, "sound_effect_prompt": "footsteps on gravel", "asmr_mode": True},
    ),
    # --- B: the new standard
    Body(
        "a kite on the new wire",
        "/text-to-video/kling-3.0",
        {
            "prompt": "A red kite over dunes",
            "settings": {
                "resolution": "1080p",
                "duration": 7,
                "audio": "native",
                "multi_shot": False,
                "aspect_ratio": "16:9",
            },
        },
    ),
    Body(
        "an element on the new wire",
        "/image-to-video/kling-3.0",
        {
            "contents": [
                {"type": "prompt", "text": "She turns, @ann smiles"},
                {"type": "first_frame", "url": PNG},
                {"type": "element", "element_id": "{element}", "id": "ann"},
            ],
            "settings": {"resolution": "720p", "duration": 5, "audio": "off", "multi_shot": False},
        },
    ),
    Body(
        "motion on the new wire",
        "/motion-control/kling-3.0",
        {
            "contents": [{"type": "image", "url": PNG}, {"type": "video", "url": MP4}],
            "settings": {"character_orientation": "image", "audio": "off", "resolution": "720p"},
        },
    ),
    Body(
        "recolouring on the new wire",
        "/omni-video/kling-3.0-omni",
        {
            "contents": [
                {"type": "prompt", "text": "Recolor the bird like @img"},
                {"type": "refer_image", "url": PNG, "id": "img"},
                {"type": "base_video", "url": MP4, "id": "vid"},
            ],
            "settings": {"audio": "original", "multi_shot": False, "resolution": "1080p"},
        },
    ),
    Body(
        "O1 on the new wire",
        "/omni-video/kling-o1",
        {
            "contents": [
                {"type": "prompt", "text": "Walk like @img"},
                {"type": "refer_image", "url": PNG, "id": "img"},
            ],
            "settings": {"audio": "off", "resolution": "720p", "duration": 7, "aspect_ratio": "16:9"},
        },
    ),
    # --- 14
    Body(
        "charges of packs", "/account/billing/package", {"start_time": 0, "end_time": 9_999_999_999_999, "filters": []}
    ),
    Body("charges of money", "/account/billing/balance", {"start_time": 0, "end_time": 9_999_999_999_999}),
)

LONG = "x" * 2501
BAD = (
    Bad("no prompt", f"{V}/text2video", {"model_name": "kling-v3"}, "prompt", "generate_video", {}),
    Bad(
        "a mode nobody has",
        f"{V}/text2video",
        {"model_name": "kling-v3", "prompt": "x", "mode": "professional"},
        "mode value 'professional' is invalid",
        "generate_video",
        {"prompt": "x", "mode": "professional"},
    ),
    Bad(
        "camera moves on a model without",
        f"{V}/text2video",
        {"model_name": "kling-v3", "prompt": "x", "camera_control": {"type": "down_back"}},
        "camera_control",
        "generate_video",
        {"prompt": "x", "camera_control": {"type": "down_back"}},
    ),
    Bad(
        "a data: prefix at Kling",
        f"{V}/image2video",
        {"model_name": "kling-v3", "prompt": "x", "image": "data:image/png;base64,AAAA"},
        "File is not in a valid base64 format",
    ),
    Bad(
        "O1 with a sound",
        f"{V}/omni-video",
        {"model_name": "kling-video-o1", "prompt": "x", "sound": "on", "aspect_ratio": "16:9"},
        "sound",
        "generate_omni_video",
        {"model_name": "kling-video-o1", "prompt": "x", "sound": "on", "aspect_ratio": "16:9"},
    ),
    Bad(
        "O1 for seven seconds from a first frame alone",
        f"{V}/omni-video",
        {
            "model_name": "kling-video-o1",
            "prompt": "x",
            "duration": "7",
            "image_list": [{"image_url": PNG, "type": "first_frame"}],
        },
        "Duration only supports 5 or 10 seconds",
        "generate_omni_video",
        {
            "model_name": "kling-video-o1",
            "prompt": "x",
            "duration": 7,
            "image_list": [{"image_url": PNG, "type": "first_frame"}],
        },
    ),
    Bad(
        "an end frame alone",
        f"{V}/omni-video",
        {"model_name": "kling-v3-omni", "prompt": "x", "image_list": [{"image_url": PNG, "type": "end_frame"}]},
        "frame",
        "generate_omni_video",
        {"prompt": "x", "image_list": [{"image_url": PNG, "type": "end_frame"}]},
    ),
    Bad(
        "a frame and a film to edit",
        f"{V}/omni-video",
        {
            "model_name": "kling-v3-omni",
            "prompt": "x",
            "image_list": [{"image_url": PNG, "type": "first_frame"}],
            "video_list": [{"video_url": MP4, "refer_type": "base"}],
        },
        "",
        "generate_omni_video",
        {
            "prompt": "x",
            "image_list": [{"image_url": PNG, "type": "first_frame"}],
            "video_list": [{"video_url": MP4, "refer_type": "base"}],
        },
    ),
    Bad(
        "eight pictures",
        f"{V}/omni-video",
        {"model_name": "kling-v3-omni", "prompt": "x", "aspect_ratio": "1:1", "image_list": [{"image_url": PNG}] * 8},
        "",
        "generate_omni_video",
        {"prompt": "x", "aspect_ratio": "1:1", "image_list": [{"image_url": PNG}] * 8},
    ),
    Bad(
        "sound with a film",
        f"{V}/omni-video",
        {"model_name": "kling-v3-omni", "prompt": "x", "sound": "on", "video_list": [{"video_url": MP4}]},
        "sound",
        "generate_omni_video",
        {"prompt": "x", "sound": "on", "video_list": [{"video_url": MP4}]},
    ),
    Bad(
        "five pictures",
        f"{V}/multi-image2video",
        {"prompt": "x", "image_list": [{"image": PNG}] * 5},
        "image_list",
        "multi_image_to_video",
        {"prompt": "x", "image_list": [PNG] * 5},
    ),
    Bad(
        "motion without a direction",
        f"{V}/motion-control",
        {"model_name": "kling-v3", "image_url": PNG, "video_url": MP4, "mode": "std"},
        "character_orientation",
        "motion_control",
        {"image_url": PNG, "video_url": MP4},
    ),
    Bad(
        "motion at Kling without a mode",
        f"{V}/motion-control",
        {"model_name": "kling-v3", "image_url": PNG, "video_url": MP4, "character_orientation": "image"},
        "mode",
    ),
    Bad(
        "motion with an element that follows a picture",
        f"{V}/motion-control",
        {
            "model_name": "kling-v3",
            "image_url": PNG,
            "video_url": MP4,
            "mode": "std",
            "character_orientation": "image",
            "element_list": [{"element_id": "{element}"}],
        },
        "",
        "motion_control",
        {
            "image_url": PNG,
            "video_url": MP4,
            "character_orientation": "image",
            "element_list": [{"element_id": "{element}"}],
        },
    ),
    Bad("extending nothing", f"{V}/video-extend", {"prompt": "x"}, "video_id", "extend_video", {"prompt": "x"}),
    Bad("extending a clip of today", f"{V}/video-extend", {"video_id": "{clip}", "prompt": "x"}),
    Bad("extending somebody else's", f"{V}/video-extend", {"video_id": "123456789012345678", "prompt": "x"}),
    Bad(
        "a session of both",
        f"{V}/multi-elements/init-selection",
        {"video_id": "{clip}", "video_url": MP4},
        "",
        "start_video_edit",
        {"video_id": "{clip}", "video_url": MP4},
    ),
    Bad(
        "a point outside",
        f"{V}/multi-elements/add-selection",
        {"session_id": "{edit}", "frame_index": 0, "points": [{"x": 1.5, "y": 0.5}]},
        "points",
        "mark_video_edit",
        {"session_id": "{edit}", "action": "add", "frame_index": 0, "points": [{"x": 1.5, "y": 0.5}]},
    ),
    Bad(
        "swapping without a picture",
        f"{V}/multi-elements",
        {"session_id": "{edit}", "edit_mode": "swap", "prompt": "x"},
        "image_list",
        "edit_video",
        {"session_id": "{edit}", "edit_mode": "swap", "prompt": "x"},
    ),
    Bad(
        "a session of nobody",
        f"{V}/multi-elements",
        {"session_id": "7", "edit_mode": "removal", "prompt": "x"},
        "ession",
    ),
    Bad(
        "an old lip-sync with too many words",
        f"{V}/lip-sync",
        {"input": {"video_id": "{clip}", "mode": "text2video", "text": "x" * 121, "voice_id": "oversea_male1"}},
        "text",
        "lip_sync_classic",
        {"video_id": "{clip}", "text": "x" * 121, "voice_id": "oversea_male1"},
    ),
    Bad("no film to look for faces in", f"{V}/identify-face", {}, "", "identify_faces", {}),
    Bad(
        "two faces at once",
        f"{V}/advanced-lip-sync",
        {
            "session_id": "{faces}",
            "face_choose": [
                {
                    "face_id": "0",
                    "audio_id": "{speech}",
                    "sound_start_time": 0,
                    "sound_end_time": 2000,
                    "sound_insert_time": 0,
                }
            ]
            * 2,
        },
        "face_choose",
    ),
    Bad(
        "less than two seconds of speech",
        f"{V}/advanced-lip-sync",
        {
            "session_id": "{faces}",
            "face_choose": [
                {
                    "face_id": "0",
                    "audio_id": "{speech}",
                    "sound_start_time": 0,
                    "sound_end_time": 900,
                    "sound_insert_time": 0,
                }
            ],
        },
    ),
    Bad(
        "a face that is not there",
        f"{V}/advanced-lip-sync",
        {
            "session_id": "{faces}",
            "face_choose": [
                {
                    "face_id": "9",
                    "audio_id": "{speech}",
                    "sound_start_time": 0,
                    "sound_end_time": 2000,
                    "sound_insert_time": 0,
                }
            ],
        },
        "face",
    ),
    Bad(
        "an avatar with two sounds",
        f"{V}/avatar/image2video",
        {"image": PNG, "audio_id": "{speech}", "sound_file": MP3},
        "",
        "generate_avatar",
        {"image": PNG, "audio_id": "{speech}", "sound_file": MP3},
    ),
    Bad("an avatar without a sound", f"{V}/avatar/image2video", {"image": PNG}, "", "generate_avatar", {"image": PNG}),
    Bad(
        "an effect nobody knows",
        f"{V}/effects",
        {"effect_scene": "disco_pawz", "input": {"image": PNG}},
        "effect_scene",
        "apply_effect",
        {"effect_scene": "disco_pawz", "image": PNG},
    ),
    Bad(
        "one picture for two",
        f"{V}/effects",
        {"effect_scene": "hug_pro", "input": {"image": PNG}},
        "",
        "apply_effect",
        {"effect_scene": "hug_pro", "image": PNG},
    ),
    Bad("no words", f"{I}/generations", {"model_name": "kling-v3"}, "prompt", "generate_image", {}),
    Bad(
        "ten pictures",
        f"{I}/generations",
        {"model_name": "kling-v3", "prompt": "x", "n": 10},
        "n value '10' is invalid",
        "generate_image",
        {"prompt": "x", "n": 10},
    ),
    Bad(
        "4k from the plain endpoint",
        f"{I}/generations",
        {"model_name": "kling-v3", "prompt": "x", "resolution": "4k"},
        "resolution value '4k' is invalid",
        "generate_image",
        {"prompt": "x", "resolution": "4k"},
    ),
    Bad(
        "what not, beside a picture",
        f"{I}/generations",
        {"model_name": "kling-v2-1", "prompt": "x", "image": PNG, "image_reference": "face", "negative_prompt": "y"},
        "negative_prompt",
        "generate_image",
        {"model_name": "kling-v2-1", "prompt": "x", "image": PNG, "image_reference": "face", "negative_prompt": "y"},
    ),
    Bad(
        "a reference to no picture",
        f"{I}/generations",
        {"model_name": "kling-v2-1", "prompt": "x", "image_reference": "face"},
        "image",
        "generate_image",
        {"model_name": "kling-v2-1", "prompt": "x", "image_reference": "face"},
    ),
    Bad(
        "O1 in 4k",
        f"{I}/omni-image",
        {"model_name": "kling-image-o1", "prompt": "x", "resolution": "4k"},
        "resolution",
        "generate_omni_image",
        {"model_name": "kling-image-o1", "prompt": "x", "resolution": "4k"},
    ),
    Bad(
        "a series of ten",
        f"{I}/omni-image",
        {"model_name": "kling-v3-omni", "prompt": "x", "result_type": "series", "series_amount": 10},
        "series_amount",
        "generate_omni_image",
        {"prompt": "x", "result_type": "series", "series_amount": 10},
    ),
    Bad(
        "no subject",
        f"{I}/multi-image2image",
        {"prompt": "x"},
        "subject_image_list",
        "multi_image_to_image",
        {"prompt": "x"},
    ),
    Bad(
        "more than three times the area",
        f"{I}/editing/expand",
        {
            "image": PNG,
            "up_expansion_ratio": 1,
            "down_expansion_ratio": 1,
            "left_expansion_ratio": 0.5,
            "right_expansion_ratio": 0.5,
        },
        "",
        "expand_image",
        {
            "image": PNG,
            "up_expansion_ratio": 1,
            "down_expansion_ratio": 1,
            "left_expansion_ratio": 0.5,
            "right_expansion_ratio": 0.5,
        },
    ),
    Bad(
        "expanding three sides at Kling",
        f"{I}/editing/expand",
        {"image": PNG, "up_expansion_ratio": 1},
        "expansion_ratio",
    ),
    Bad("views of nothing", f"{G}/ai-multi-shot", {}, "element_frontal_image", "ai_multi_shot", {}),
    Bad(
        "nobody in the shirt",
        f"{I}/kolors-virtual-try-on",
        {"cloth_image": PNG},
        "human_image",
        "virtual_try_on",
        {"cloth_image": PNG},
    ),
    Bad(
        "nothing to look at",
        f"{V}/image-recognize",
        {"image": ""},
        "image can not be null",
        "recognize_image",
        {"image": ""},
    ),
    Bad(
        "an element with a long name",
        f"{G}/advanced-custom-elements",
        {
            "element_name": "x" * 21,
            "element_description": "y",
            "reference_type": "image_refer",
            "element_image_list": {"frontal_image": PNG, "refer_images": [{"image_url": PNG}]},
        },
        "element_name",
        "create_element",
        {"element_name": "x" * 21, "element_description": "y", "frontal_image": PNG, "refer_images": [PNG]},
    ),
    Bad(
        "an element without further pictures",
        f"{G}/advanced-custom-elements",
        {
            "element_name": "x",
            "element_description": "y",
            "reference_type": "image_refer",
            "element_image_list": {"frontal_image": PNG},
        },
        "refer_images",
        "create_element",
        {"element_name": "x", "element_description": "y", "frontal_image": PNG},
    ),
    Bad("a voice of nothing", f"{G}/custom-voices", {"voice_name": "x"}, "", "create_voice", {"voice_name": "x"}),
    Bad("deleting nobody's voice", f"{G}/delete-voices", {"voice_id": "nobody"}, ""),
    Bad("deleting nobody's element", f"{G}/delete-elements", {"element_id": "1"}, ""),
    Bad("deleting nobody's element elsewhere", f"{G}/delete-advanced-elements", {"element_id": "1"}, ""),
    Bad(
        "a library voice for speech",
        f"{A}/tts",
        {"text": "Hi", "voice_id": "{voice}", "voice_language": "en"},
        "Voice id not found",
        "text_to_speech",
        {"text": "Hi", "voice_id": "{voice}", "voice_language": "en"},
    ),
    Bad(
        "too many words to speak",
        f"{A}/tts",
        {"text": "x" * 1001, "voice_id": "oversea_male1", "voice_language": "en"},
        "text",
        "text_to_speech",
        {"text": "x" * 1001, "voice_id": "oversea_male1", "voice_language": "en"},
    ),
    Bad(
        "two seconds of rain",
        f"{A}/text-to-audio",
        {"prompt": "rain", "duration": 2},
        "duration",
        "text_to_audio",
        {"prompt": "rain", "duration": 2},
    ),
    Bad("a sound for nothing", f"{A}/video-to-audio", {"video_id": "", "video_url": ""}, "", "video_to_audio", {}),
    Bad(
        "a resolution nobody has",
        "/text-to-video/kling-3.0",
        {"prompt": "x", "settings": {"resolution": "9000p"}},
        "settings.resolution value '9000p' is invalid",
    ),
    Bad("a flat body on the new wire", "/omni-video/kling-3.0-omni", {"prompt": "x"}, "contents cannot be empty"),
    Bad(
        "O1 for seven seconds without a picture",
        "/omni-video/kling-o1",
        {"contents": [{"type": "prompt", "text": "x"}], "settings": {"duration": 7, "aspect_ratio": "16:9"}},
        "Duration only supports 5 or 10 seconds when no refer_image is provided",
    ),
    Bad(
        "a last frame alone on the new wire",
        "/image-to-video/kling-3.0",
        {"contents": [{"type": "prompt", "text": "x"}, {"type": "last_frame", "url": PNG}]},
    ),
    Bad(
        "motion on the new wire without a direction",
        "/motion-control/kling-3.0",
        {"contents": [{"type": "image", "url": PNG}, {"type": "video", "url": MP4}], "settings": {}},
        "character_orientation",
    ),
    Bad("unmarking in nobody's session", f"{V}/multi-elements/delete-selection", {"session_id": "7"}),
    Bad("clearing nobody's session", f"{V}/multi-elements/clear-selection", {"session_id": "7"}),
    Bad("seeing nobody's session", f"{V}/multi-elements/preview-selection", {"session_id": "7"}),
    Bad(
        "an old element without further pictures",
        f"{G}/custom-elements",
        {"element_name": "x", "element_description": "y", "element_frontal_image": PNG},
        "element_refer_list",
    ),
    Bad("charges without a time", "/account/billing/package", {}, "start_time"),
    Bad("not JSON", f"{A}/tts", "text", code=1200),
)
