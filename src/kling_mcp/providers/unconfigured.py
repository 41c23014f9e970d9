"""Nobody: what runs operations while no credential is set. The server still starts and says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from kling_mcp.errors import NotAuthorised

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_mcp.operations.base import Generation
    from kling_mcp.providers.base import (
        Balance,
        Charges,
        Element,
        Listed,
        Origin,
        Progress,
        Request,
        Shelf,
        TaskRef,
        Voice,
    )

KEY_ADVICE = (
    "Create an API key at https://kling.ai/dev/api-key and set it as KLING_API_KEY in this server's configuration "
    "(or KLING_ACCESS_KEY and KLING_SECRET_KEY), then restart it. To try every tool without a key, set "
    "KLING_PROVIDER=sandbox."
)


class Unconfigured:
    """A provider that refuses everything with one reason."""

    name = "official"
    account = "unconfigured"
    settle_s = 5.0

    def __init__(self, reason: str = "No Kling credential is configured.", fix: str = KEY_ADVICE) -> None:
        self._reason, self._fix = reason, fix

    def _refuse(self) -> NoReturn:
        raise NotAuthorised(self._reason, fix=self._fix, code="not_configured")

    def prepare(self, operation: Generation) -> Request:  # noqa: ARG002 - the Protocol's signature
        """Refuse."""
        self._refuse()

    async def submit(self, request: Request, ext_id: str) -> Progress:  # noqa: ARG002 - the Protocol's signature
        """Refuse."""
        self._refuse()

    async def look_up(self, refs: Sequence[TaskRef]) -> Mapping[str, Progress]:  # noqa: ARG002 - the Protocol's
        """Refuse."""
        self._refuse()

    async def taken_between(self, path: str, start: float, end: float) -> Sequence[Progress] | None:  # noqa: ARG002 - as above
        """Refuse."""
        self._refuse()

    async def balance(self) -> Balance:
        """Refuse."""
        self._refuse()

    async def voices(self, origin: Origin, page: int, size: int) -> Listed[Voice]:  # noqa: ARG002 - the Protocol's
        """Refuse."""
        self._refuse()

    async def elements(self, origin: Origin, page: int, size: int) -> Listed[Element]:  # noqa: ARG002 - as above
        """Refuse."""
        self._refuse()

    async def delete(self, shelf: Shelf, kling_id: str) -> None:  # noqa: ARG002 - as above
        """Refuse."""
        self._refuse()

    async def charges(self, start: float, end: float, *, cash: bool, limit: int, cursor: str = "") -> Charges:  # noqa: ARG002 - as above
        """Refuse."""
        self._refuse()

    async def aclose(self) -> None:
        """There is nothing to close."""
