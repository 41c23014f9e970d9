"""Names of jobs and results as agents write them: bare ids, or their addresses among our resources."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from kling_mcp.operations.sources import MEDIA_URI, Reference


def job_id_in(name: str) -> str:
    """The id of the job that is named, or whose result is; any other name as it is, for the ledger not to find."""
    reference = _read(name)
    return reference.job_id if reference else name


def media_id_in(name: str, *, certainly: bool) -> str | None:
    """The id of the result that is named; None for a job, and for any other name unless ``certainly`` a result's."""
    reference = _read(name) or _read(MEDIA_URI + name)
    if reference:
        return reference.media_id
    return name.removeprefix(MEDIA_URI) if certainly else None


def _read(name: str) -> Reference | None:
    try:
        return Reference.read(name, "image")  # what is named is not used, so any kind of result will do
    except PydanticCustomError:
        return None


def _job_id(value: object) -> object:
    return job_id_in(value) if isinstance(value, str) else value


JobId = Annotated[str, BeforeValidator(_job_id)]
"""A job's id; its address, or that of one of its results, is understood."""

__all__ = ["JobId", "job_id_in", "media_id_in"]
