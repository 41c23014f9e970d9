"""The faces in a video: the first step of lip-sync.

Contract: video.md A9.
"""

# No `from __future__ import annotations`: pydantic reads the annotations.

from typing import Any, ClassVar

from kling_mcp.operations.base import Generation, Kind, Quote, Rule, Yields
from kling_mcp.operations.fields import Omitted, VideoId, VideoUrl
from kling_mcp.operations.inputs import id_or_url
from kling_mcp.operations.rates_audio import flat_quote
from kling_mcp.operations.sounds import exactly_one, lasts, measures

FITS_FACES: tuple[Rule[Any], ...] = (
    lasts("video_id", "video_url", least=2, most=60, what="video"),
    measures("video_id", "video_url", least=512, most=2160),
)
"""What a video must be like so that Kling looks for faces in it."""


class IdentifyFaces(Generation):
    """Find the faces in a video and when each is seen, to choose one for lip_sync.

    lip_sync does this by itself: use this only to look first. Pass its job id to lip_sync as session_id.
    """

    tool: ClassVar[str] = "identify_faces"
    title: ClassVar[str] = "Identify faces"
    toolset: ClassVar[str] = "talking"
    kind: ClassVar[Kind] = "immediate"
    yields: ClassVar[Yields] = "faces"
    posts_to: ClassVar[str] = "/v1/videos/identify-face"
    nameless: ClassVar[bool] = True
    rules: ClassVar[tuple[Rule[Any], ...]] = (
        exactly_one("video_id", "video_url", of="where the faces are"),
        *FITS_FACES,
    )

    video_id: VideoId | Omitted = None
    """A Kling video, as job id, kling://media/… or Kling's id. 2 to 60 s, sides 512 to 2160 px."""
    video_url: VideoUrl | Omitted = None
    """Instead of video_id: URL of an mp4 or mov of up to 100 MB."""

    def quote(self) -> Quote:
        """The same for every video."""
        return flat_quote(self.tool)

    def body(self) -> dict[str, Any]:
        """Contract: video.md A9, identify-face."""
        return dict(id_or_url(self.video_id, self.video_url))


OPERATIONS = (IdentifyFaces,)
"""The operations of this file."""
