"""Prompts in the new wire's words: shots written into the text, and what is cited called by an id of our own.

Contract: video.md section 1 and B1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kling_mcp.operations.model_facts import SHOT_START

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def prompt_of(body: Mapping[str, Any], *, shot_grammar: bool = False) -> str:
    """What Kling shall read.

    Args:
        body: The legacy body.
        shot_grammar: Whether the model cuts ``shot n, m, words;`` into shots with nothing to switch it off. Then a
            prompt that merely looks like it keeps its words and loses one comma: "shot 1, 3, people" → "shot 1: 3,
            people".
    """
    if shots_are_written(body):
        shots = sorted(body["multi_prompt"], key=lambda shot: shot["index"])
        # A semicolon ends a shot, so within one it becomes a comma.
        words = (f"shot {s['index']}, {s['duration']}, {s['prompt'].replace(';', ',').strip()};" for s in shots)
        return " ".join(words)
    prompt: str = body.get("prompt", "")
    return SHOT_START.sub(r"\1:", prompt) if shot_grammar else prompt


def shots_are_written(body: Mapping[str, Any]) -> bool:
    """Whether the agent wrote the shots one by one, in place of a prompt."""
    return bool(body.get("multi_shot")) and body.get("shot_type") == "customize"


def citation_ids(body: Mapping[str, Any], lists: Mapping[str, str]) -> dict[str, str]:
    """Legacy name (``element_1``) → an id for it that occurs nowhere in the words.

    Args:
        body: The legacy body.
        lists: Field → what its members are called when they are cited.
    """
    return dict(_chosen(body, lists))


def cited(prompt: str, ids: Mapping[str, str]) -> str:
    """``<<<element_1>>>`` → ``@element_1``, kept apart from a letter that follows."""
    for name, chosen in ids.items():
        prompt = re.sub(rf"<<<{name}>>>(?=\w)", f"@{chosen} ", prompt)
        prompt = prompt.replace(f"<<<{name}>>>", f"@{chosen}")
    return prompt


def listed(body: Mapping[str, Any], field: str, kind: str, ids: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The elements or voices of a legacy list, as contents that can be cited by their ids.

    Args:
        body: The legacy body.
        field: The list in it.
        kind: What a member is called on the new wire: ``element``, ``voice``.
        ids: From ``citation_ids``.
    """
    for n, member in enumerate(body.get(field, ()), start=1):
        yield {"type": kind, f"{kind}_id": str(member[f"{kind}_id"]), "id": ids[f"{kind}_{n}"]}


def _chosen(body: Mapping[str, Any], lists: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    shots = (shot["prompt"] for shot in body.get("multi_prompt", ()))
    words = re.sub(r"<<<\w+>>>", "", " ".join([body.get("prompt", ""), *shots]))
    for field, kind in lists.items():
        for n in range(1, len(body.get(field, ())) + 1):
            name = chosen = f"{kind}_{n}"
            while chosen in words:
                chosen = f"x_{chosen}"
            yield name, chosen
