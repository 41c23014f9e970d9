"""What the account has before anything is asked of it, for requests that build on something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kling_mcp.operations.sources import Source, SourceFacts

from .bodies import MP3, PNG, A, G, V
from .values import OURS

if TYPE_CHECKING:
    from tests.sandbox.shop import Customer

    from .values import Json

WORDS = "a steady voice that speaks for more than two seconds, so that a face can say it"
_PATH = {"video": "videos", "image": "images", "audio": "audios"}
_SIZES = {"16:9": (1280, 720), "1:1": (720, 720)}


class Account:
    """Results, sessions and library of one customer.

    Attributes:
        named: Name → id or address, as ``{name}`` in values.
        ours: Our address of a result → what the engine would put in its place.
    """

    def __init__(self, customer: Customer) -> None:
        self.customer = customer
        self.named: dict[str, Any] = {}
        self.ours: dict[str, Source] = {}

    async def stocked(self) -> Account:
        """The account with everything in it."""
        clips: dict[str, Json] = {
            "three": {"model_name": "kling-v3", "duration": "3"},
            "clip": {"model_name": "kling-v2-6", "mode": "pro", "sound": "on"},
            "six": {"model_name": "kling-v3", "duration": "6"},
            "fifteen": {"model_name": "kling-v3", "duration": "15"},
            "upright": {"model_name": "kling-v3", "aspect_ratio": "1:1"},
            "clip_v16": {"model_name": "kling-v1-6"},
            "clip_v1": {"model_name": "kling-v1"},
        }
        for name, body in clips.items():
            await self._make(name, "video", f"{V}/text2video", body | {"prompt": "a puppy"}, tool="generate_video")
        await self._make("image", "image", "/v1/images/generations", {"prompt": "a puppy"}, tool="generate_image")
        await self._make(
            "effect", "audio", f"{A}/text-to-audio", {"prompt": "rain", "duration": 5}, tool="text_to_audio"
        )
        for name, text in (("speech", WORDS), ("short", "Hi")):
            spoken = await self.customer.answered(f"{A}/tts", {"text": text, "voice_id": "oversea_male1"})
            self._keep(name, "audio", spoken["task_result"]["audios"][0], "text_to_speech", {})
        self.named["voice"] = await self._library(
            "voice", f"{G}/custom-voices", {"voice_name": "Ann", "voice_url": MP3}
        )
        pictures = {"frontal_image": PNG, "refer_images": [{"image_url": PNG}]}
        element = {"element_name": "Ann", "element_description": "A woman", "reference_type": "image_refer"}
        self.named["element"] = await self._library(
            "element", f"{G}/advanced-custom-elements", element | {"element_image_list": pictures}
        )
        await self.renew()
        return self

    async def renew(self) -> None:
        """Open the sessions again: they change as they are used, and live for a day."""
        clip = {"video_id": self.named["clip"]}
        self.named["faces"] = (await self.customer.answered(f"{V}/identify-face", clip))["session_id"]
        for name in ("fresh", "edit"):
            session = (await self.customer.answered(f"{V}/multi-elements/init-selection", clip))["session_id"]
            mark = {"session_id": session, "frame_index": 0, "points": [{"x": 0.5, "y": 0.5}]}
            self.named[name] = session
            if name == "edit":
                await self.customer.answered(f"{V}/multi-elements/add-selection", mark)

    def filled(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """A value with what the account has in its places."""
        text = json.dumps(value)
        if "{" in text:
            for name, thing in self.named.items():
                text = text.replace(f'"{{{name}}}"', json.dumps(thing)).replace(f"{{{name}}}", str(thing))
        return json.loads(text)

    async def _make(self, name: str, kind: str, path: str, body: Json, *, tool: str) -> None:
        shown = await self.customer.finished(body, path)
        self._keep(name, kind, shown["task_result"][_PATH[kind]][0], tool, body)

    def _keep(self, name: str, kind: str, result: Json, tool: str, body: Json) -> None:
        address = result.get("url") or result["url_mp3"]
        width, height = _SIZES[body.get("aspect_ratio", "16:9")]
        self.named |= {name: result.get("id", name), f"{name}_url": address}
        facts = SourceFacts(
            uri=OURS[name],
            kind=kind,
            kling_id=result.get("id"),
            tool=tool,
            model_name=body.get("model_name"),
            mode=body.get("mode"),
            duration_s=float(result["duration"]) if "duration" in result else None,
            width=width if kind != "audio" else None,
            height=height if kind != "audio" else None,
            sound=body.get("sound") == "on",
        )
        self.ours[OURS[name]] = Source.of(address, facts)

    async def _library(self, kind: str, path: str, body: Json) -> Any:  # noqa: ANN401 - text or a number
        return (await self.customer.finished(body, path))["task_result"][f"{kind}s"][0][f"{kind}_id"]
