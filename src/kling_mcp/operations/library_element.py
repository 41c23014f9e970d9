"""The tool ``create_element``: somebody or something of the library, from pictures or a video.

Contract: image-audio-general.md sections 9.1 and 15.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, WithJsonSchema

from kling_mcp.errors import Problem
from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields, rule
from kling_mcp.operations.fields import ImageInput, JsonList, LibraryVoice, Nameable, Omitted, Pictures, VideoUrl
from kling_mcp.operations.image_quote import priced
from kling_mcp.operations.library_limits import misfits
from kling_mcp.operations.library_tags import tag_id
from kling_mcp.operations.sources import facts_of

_Words = WithJsonSchema({"type": "array", "items": {"type": "string"}})
_SECONDS = (3, 8)
_SHAPES = (16 / 9, 9 / 16)
_SHAPE_SLACK = 0.02
_SHORT_SIDE = 1080
_OF_A_VIDEO = "An element made from a video works only with models of the 3.0 generation."


class ReferPicture(Nameable):
    """Another view of an element."""

    main: ClassVar[str] = "image_url"

    image_url: ImageInput


class TagRef(Nameable):
    """A tag of the library."""

    main: ClassVar[str] = "tag_id"

    tag_id: Annotated[str, PlainValidator(tag_id)]


@rule()
def _an_element_has_pictures_or_a_video(request: "CreateElement") -> Iterator[Problem]:
    pictures = [name for name in ("frontal_image", "refer_images") if getattr(request, name) is not None]
    if request.video_url is not None:
        for name in pictures:
            yield Problem(name, f"'{name}' cannot be used together with 'video_url'. Remove one of them.")
    elif not pictures:
        yield Problem("frontal_image", "Give 'frontal_image' and 'refer_images', or 'video_url', to show the element.")
    elif request.frontal_image is None:
        yield Problem("frontal_image", "'frontal_image' is missing: refer_images only add further views to it.")
    elif request.refer_images is None:
        yield Problem(
            "refer_images",
            "'refer_images' is missing: with frontal_image Kling needs 1 to 3 more views (ai_multi_shot draws some).",
        )


@rule("video_url")
def _the_video_fits(request: "CreateElement") -> Iterator[Problem]:
    yield from misfits("video_url", request.video_url, _SECONDS, "an element")
    facts = facts_of(request.video_url)
    if facts is not None and facts.width and facts.height:
        shape = facts.width / facts.height
        if all(abs(shape / each - 1) > _SHAPE_SLACK for each in _SHAPES):
            yield Problem(
                "video_url", f"'video_url' is {facts.width}x{facts.height} px; an element's video is 16:9 or 9:16."
            )


class CreateElement(Generation):
    """Add a character, animal, thing or place to the library, to appear alike in videos and images. Free.

    Made from a front view and 1 to 3 further views, or from a video of a person.
    """

    tool: ClassVar[str] = "create_element"
    title: ClassVar[str] = "Create element"
    toolset: ClassVar[str] = "library"
    kind: ClassVar[Kind] = "job"
    yields: ClassVar[Yields] = "element"
    posts_to: ClassVar[str] = "/v1/general/advanced-custom-elements"
    rules: ClassVar[tuple[Rule[Any], ...]] = (_an_element_has_pictures_or_a_video, _the_video_fits)

    element_name: Annotated[str, Field(max_length=20)]
    """Its name, up to 20 characters."""
    element_description: Annotated[str, Field(max_length=100)]
    """What it is and looks like, up to 100 characters."""
    frontal_image: ImageInput | Omitted = None
    """Front view: URL, Base64 or a result of ours."""
    refer_images: Annotated[
        Annotated[list[ReferPicture], Field(min_length=1, max_length=3)] | Omitted, JsonList, Pictures
    ] = None
    """1 to 3 further views: URLs, Base64 or results of ours."""
    video_url: VideoUrl | Omitted = None
    """Instead of pictures: mp4 or mov of a person, 3 to 8 s, 1080p, 16:9 or 9:16. Its voice is cloned too."""
    element_voice_id: LibraryVoice | Omitted = None
    """Voice of the library a character speaks with: its id, or the create_voice job."""
    tag_list: Annotated[list[TagRef] | Omitted, JsonList, _Words] = None
    """Words or ids: hottest, character, animal, item, costume, scene, effect, others."""

    def body(self) -> dict[str, Any]:
        """Contract: section 9.1. What is called a list there is an object."""
        given = super().body()
        wire = {name: given[name] for name in ("element_name", "element_description")}
        if self.video_url is None:
            shown = {name: given[name] for name in ("frontal_image", "refer_images") if name in given}
            wire |= {"reference_type": "image_refer", "element_image_list": shown}
        else:
            videos = [{"video_url": given["video_url"]}]
            wire |= {"reference_type": "video_refer", "element_video_list": {"refer_videos": videos}}
        return wire | {name: given[name] for name in ("element_voice_id", "tag_list") if name in given}

    def quote(self) -> Quote:
        """Free. Contract: section 9.1."""
        return priced("custom element", notes=tuple(self._notes()))

    def _notes(self) -> Iterator[str]:
        if self.video_url is None:
            return
        yield _OF_A_VIDEO
        facts = facts_of(self.video_url)
        if facts is not None and facts.width and facts.height and min(facts.width, facts.height) < _SHORT_SIDE:
            # The page asks for 1080p and does not say what becomes of others; trying costs nothing.
            yield f"Kling asks for a video in 1080p (mode pro), and this one is {facts.width}x{facts.height} px."
