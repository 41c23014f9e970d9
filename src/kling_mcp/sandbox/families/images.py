"""Pictures on the legacy wire: from words, from one picture, from several.

Contract: image-audio-general.md sections 2 to 4; prices of section 15. Where two vintages of the documentation differ,
their union is served and only what both refuse is refused. Messages without a captured text are [OWN]. The client's
tables are used nowhere: what the models can do is typed in once more (``image_models``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_mcp.sandbox import checks
from kling_mcp.sandbox.checks import Rule
from kling_mcp.sandbox.families.image_makes import COUNT, PROMPT, SEVERAL, image_order, pictures_of, turned
from kling_mcp.sandbox.families.image_models import known, price
from kling_mcp.sandbox.families.image_results import omni_result, pictures_result
from kling_mcp.sandbox.family import Family
from kling_mcp.sandbox.wire import illegal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_mcp.sandbox.checks import Body, Reader
    from kling_mcp.sandbox.families.image_models import ImageModel
    from kling_mcp.sandbox.order import Order
    from kling_mcp.sandbox.shop import Shop

GENERATIONS = "/v1/images/generations"
OMNI = "/v1/images/omni-image"
SEVERAL_TO_ONE = "/v1/images/multi-image2image"
_MOST_REFERENCES = 10
_MOST_SUBJECTS = 4

RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9")
_IMAGE: Mapping[str, Reader] = {"image": checks.text()}
_SUBJECT: Mapping[str, Reader] = {"subject_image": checks.text()}
_ELEMENTS = checks.objects(_MOST_REFERENCES, lambda: checks.ELEMENT)


def _too_many(asked: Body, pictures: int) -> bool:
    return pictures + len(asked.get("element_list", [])) > _MOST_REFERENCES


def _unable(model: ImageModel, feature: str) -> Exception:
    return illegal(f"model({model.name}) is not supported with {feature}")


# --- from words, or from one picture -----------------------------------------------------------------------

_GENERATION_RULES = (
    Rule(lambda a: "image_reference" in a and "image" not in a, "image can not be null"),
    Rule(lambda a: "image" in a and "negative_prompt" in a, "negative_prompt is not supported when image is specified"),
    Rule(lambda a: _too_many(a, int("image" in a)), f"image and element_list size cannot exceed {_MOST_REFERENCES}"),
)


def generated(posted: Body, shop: Shop) -> Order:
    """Section 2. An absent ``model_name`` is today's ``kling-v3``; it was ``kling-v1`` before that was retired."""
    body = checks.without_empties(posted)
    model = known(GENERATIONS, body.get("model_name", "kling-v3"), serve_retired=shop.serve_retired)
    asked = checks.form(
        posted,
        {
            "prompt": PROMPT,
            "negative_prompt": PROMPT,
            "image": checks.text(),
            "image_reference": checks.one_of(("subject", "face")),
            "image_fidelity": checks.number(0, 1),
            "human_fidelity": checks.number(0, 1),
            "element_list": _ELEMENTS,
            "resolution": checks.one_of(model.resolutions),
            "n": COUNT,
            "aspect_ratio": checks.one_of(RATIOS),
            **checks.COMMON,
        },
        ["prompt"],
    )
    checks.obey(asked, _GENERATION_RULES)
    _check_generation(model, asked)
    for element in asked.get("element_list", []):
        shop.element(element["element_id"])
    start = shop.picture("image", asked["image"]) if "image" in asked else None
    makes = pictures_of(
        asked.get("n", 1), asked.get("aspect_ratio", "16:9"), asked.get("resolution", "1k"), [start] if start else []
    )
    return image_order(
        GENERATIONS,
        asked,
        makes=makes,
        units=price(model, "picture" if start else "words") * len(makes),
        model=model.name,
        prompt=asked["prompt"],
        function="Image Generation",
    )


def _check_generation(model: ImageModel, asked: Body) -> None:
    """What this model lacks. Contract: sections 2 and 16."""
    if "image_reference" in asked and not model.keeps:
        raise _unable(model, "image_reference")
    if "image" in asked and model.keeps_named and "image_reference" not in asked:
        raise illegal("image_reference is required")
    if "image" not in asked and model.needs_image:
        raise illegal("image can not be null")
    if "element_list" in asked and not model.elements:
        raise _unable(model, "element_list")


# --- omni --------------------------------------------------------------------------------------------------


def omni(posted: Body, shop: Shop) -> Order:
    """Section 3: several pictures and elements, single pictures or a series."""
    body = checks.without_empties(posted)
    model = known(OMNI, body.get("model_name", "kling-image-o1"), serve_retired=shop.serve_retired)
    kind = checks.one_of(("single", "series"))("result_type", body.get("result_type", "single"))
    series = kind == "series"
    asked = checks.form(
        posted,
        {
            "prompt": PROMPT,
            "image_list": checks.objects(_MOST_REFERENCES, lambda: _IMAGE),
            "element_list": _ELEMENTS,
            "resolution": checks.one_of(model.resolutions),
            # Each counts in its own kind of result and has no effect in the other [OWN].
            "n": checks.as_given if series else COUNT,
            "series_amount": _series_amount if series else checks.as_given,
            "aspect_ratio": checks.one_of((*RATIOS, "auto")),
            **checks.COMMON,
        },
        ["prompt"],
    )
    if _too_many(asked, len(asked.get("image_list", []))):
        raise illegal(f"image_list and element_list size cannot exceed {_MOST_REFERENCES}")
    _check_omni(model, asked, series=series)
    return _omni_order(model, asked, shop, kind)


def _series_amount(name: str, value: Any) -> int | str:  # noqa: ANN401 - any JSON
    return "auto" if value == "auto" else checks.whole(2, 9)(name, value)


def _check_omni(model: ImageModel, asked: Body, *, series: bool) -> None:
    if series and not model.series:
        raise _unable(model, "result_type=series")
    bare = "image_list" not in asked and "element_list" not in asked
    if asked.get("aspect_ratio") == "auto" and bare and not model.auto_from_words:
        raise _unable(model, "aspect_ratio=auto without image_list and element_list")


def _omni_order(model: ImageModel, asked: Body, shop: Shop, kind: str) -> Order:
    kinds = [shop.element_kind(element["element_id"]) for element in asked.get("element_list", [])]
    if not model.film_elements and "video_refer" in kinds:
        raise _unable(model, "video elements")
    given = [shop.picture("image_list.image", one["image"]) for one in asked.get("image_list", [])]
    resolution, ratio = asked.get("resolution", "1k"), asked.get("aspect_ratio", "auto")
    if ratio == "auto":
        ratio = next((picture.ratio for picture in given if picture.ratio), "16:9")
    count = asked.get("series_amount", SEVERAL) if kind == "series" else asked.get("n", 1)
    count = turned(asked["prompt"]) if count == "auto" else count
    makes = pictures_of(count, ratio, resolution, given, detail={"result_type": kind})
    return image_order(
        OMNI,
        asked,
        makes=makes,
        units=price(model, resolution) * count,
        model=model.name,
        prompt=asked["prompt"],
        function="Omni Image",
    )


# --- several pictures to one -------------------------------------------------------------------------------


def blended(posted: Body, shop: Shop) -> Order:
    """Section 4."""
    body = checks.without_empties(posted)
    model = known(SEVERAL_TO_ONE, body.get("model_name", "kling-v2-1"), serve_retired=shop.serve_retired)
    asked = checks.form(
        posted,
        {
            "prompt": PROMPT,
            "subject_image_list": checks.objects(_MOST_SUBJECTS, lambda: _SUBJECT),
            "scene_image": checks.text(),
            "style_image": checks.text(),
            "n": COUNT,
            "aspect_ratio": checks.one_of(RATIOS),
            **checks.COMMON,
        },
        ["subject_image_list"],
    )
    subjects = [one["subject_image"] for one in asked["subject_image_list"]]
    given = [shop.picture("subject_image", one) for one in subjects]
    given += [shop.picture(name, asked[name]) for name in ("scene_image", "style_image") if name in asked]
    makes = pictures_of(asked.get("n", 1), asked.get("aspect_ratio", "16:9"), "1k", given)
    return image_order(
        SEVERAL_TO_ONE,
        asked,
        makes=makes,
        units=price(model, "pictures") * len(makes),
        model=model.name,
        prompt=asked.get("prompt", ""),
        function="Multi-Image to Image",
    )


FAMILIES = (
    Family(GENERATIONS, generated, pictures_result),
    Family(OMNI, omni, omni_result),
    Family(SEVERAL_TO_ONE, blended, pictures_result),
)
