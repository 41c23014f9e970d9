"""A file as text: bare Base64, or a ``data:`` URI whose prefix Kling would refuse."""

from __future__ import annotations

import base64
import binascii

from kling_mcp.operations.web import refuse


def decoded(text: str, *, most: int, mime: str, too_large: str, neither: str) -> tuple[str, bytes]:
    """The text as Kling takes it, without prefix, blanks and with its padding, and the bytes in it.

    Args:
        text: What was given.
        most: Bytes that Kling takes.
        mime: What a ``data:`` URI would begin with, for the refusal of one that is not Base64.
        too_large: The rest of the sentence that refuses a larger file.
        neither: The rest of the sentence that refuses what is no Base64.

    Raises:
        PydanticCustomError: It is not such a file. The sentence never repeats the text.
    """
    if text[:5].lower() == "data:":
        prefix, comma, text = text.partition(",")
        if not comma or not prefix.lower().endswith(";base64"):
            refuse(f"is a data: URI without ';base64,'. Give data:{mime};base64,... or the bare Base64.")
    compact = "".join(text.split())
    if len(compact) * 3 // 4 > most:
        refuse(too_large)
    compact = compact.rstrip("=")
    compact += "=" * (-len(compact) % 4)
    try:
        return compact, base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        refuse(neither)
