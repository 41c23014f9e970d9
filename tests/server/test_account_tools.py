"""Prices, balances, charges and the library: what is known is told exactly, what is not is never made up."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from kling_mcp.errors import OutcomeUnknown
from kling_mcp.operations.base import Quote
from kling_mcp.operations.catalogue import GENERATIONS
from kling_mcp.providers.base import Balance, Charge, Element, Output, Pack, Voice
from kling_mcp.sandbox.sample_sounds import sample_sound
from kling_mcp.server.account_tools import balance_view, estimate_view, pack_type
from kling_mcp.server.catalogue import TOOLS

from .studio import ERAS, ORIGIN, WISH, House, text, told

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp import Client

    from .studio import Mode

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(wide: House) -> AsyncGenerator[Client]:
    with anyio.fail_after(30):
        async with wide.client() as connected:
            yield connected


async def asked(client: Client, tool: str, /, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text(result)
    return told(result)


async def estimated(client: Client, tool: str, /, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return await asked(client, "estimate_cost", tool=tool, arguments=arguments)


async def test_a_price_says_which_pack_pays_and_what_it_is_in_dollars(client: Client) -> None:
    quote = await estimated(client, "generate_image", prompt="A fox", n=2)
    assert (quote["price"], quote["units"], quote["package"]) == ("exact", 16, "image")
    assert quote["usd"] == pytest.approx(0.056)
    assert quote["card_date"] == "2026-09-20"


async def test_a_price_nobody_knows_is_unknown_and_not_nothing(client: Client) -> None:
    result = await client.call_tool(
        "estimate_cost",
        {"tool": "apply_effect", "arguments": {"effect_scene": "disco_paws", "image": "https://example.com/a.png"}},
    )
    quote = told(result)
    assert quote["price"] == "unknown"
    assert not {"units", "usd"} & quote.keys()
    assert quote["basis"]
    assert "apply_effect: price unknown" in text(result)


@pytest.mark.parametrize("tool", [name for name, tool in TOOLS.items() if not tool.makes_jobs])
async def test_free_tools_say_that_they_are(client: Client, tool: str) -> None:
    required = TOOLS[tool].arguments.input_schema().get("required", [])
    given = {"job_id": "km1-X", "job_ids": ["km1-X"], "tool": "get_job", "voice_id": "1", "element_id": "1"}
    arguments = {name: given.get(name, "1") for name in required}
    if tool == "preview_media":
        arguments = {"job_id": "km1-X"}
    quote = await estimated(client, tool, **arguments)
    assert (quote["price"], quote["units"], quote["usd"]) == ("free", 0, 0)


def test_what_costs_nothing_is_free_and_names_no_pack() -> None:
    view = estimate_view("create_element", None, Quote(Decimal(0), "", "elements are free", "2026-09-20"))
    assert view.structured() == {
        "tool": "create_element",
        "price": "free",
        "units": 0,
        "usd": 0,
        "basis": "elements are free",
        "card_date": "2026-09-20",
    }


async def test_an_estimate_measures_the_results_of_ours_that_it_names(wide: House, client: Client) -> None:
    sound = sample_sound(seconds=5.0, text="a fox", form="mp3")
    wide.studio.files["mp3"], wide.studio.at_once = ("audio/mpeg", sound), True
    wide.studio.outputs = (Output("audio", f"{ORIGIN}/a.mp3", "8801", 5.0),)
    speech = await asked(client, "text_to_speech", text="A red fox in fresh snow", voice_id="oversea_male1")
    avatar = {"image": "https://example.com/a.png", "mode": "std"}
    ours = await estimated(client, "generate_avatar", **avatar, audio_id=speech["job_id"])
    somebodys = await estimated(client, "generate_avatar", **avatar, audio_id="770011")
    wrong = await client.call_tool(
        "estimate_cost", {"tool": "generate_avatar", "arguments": {**avatar, "audio_id": "km1-" + "0" * 26}}
    )
    assert (ours["price"], ours["units"], ours["package"]) == ("exact", 2, "video")
    assert somebodys["price"] == "unknown"
    assert "0.4 units per second" in somebodys["basis"]
    assert wrong.is_error
    assert wide.studio.creates == [speech["job_id"]]


async def test_an_estimate_refuses_what_the_tool_would_refuse(client: Client) -> None:
    result = await client.call_tool("estimate_cost", {"tool": "text_to_speech", "arguments": {"voice_speed": 9}})
    assert result.is_error
    assert "'voice_speed'" in text(result)
    assert text(result).splitlines()[-1] == "This call cost nothing."


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("Video pack", "video"),
        ("Trial Image Pack 1000", "image"),
        ("Virtual Try-On image pack", "try-on"),
        ("视频资源包", "video"),
        ("图片资源包", "image"),
        ("Universal", None),
    ],
)
def test_the_name_of_a_pack_tells_its_type_or_nothing_does(name: str, type_: str | None) -> None:
    assert pack_type(name) == type_


def test_units_of_different_types_are_never_added_up() -> None:
    packs = (
        Pack("Video A", "online", Decimal(10), Decimal("9.5"), None),
        Pack("Video B", "online", Decimal(10), Decimal(1), None),
        Pack("Video old", "runOut", Decimal(10), Decimal(5), None),
        Pack("Image pack", "online", Decimal(1000), Decimal(800), None),
        Pack("Universal", "online", Decimal(7), Decimal(7), None),
    )
    view = balance_view(Balance(packs))
    assert view.structured()["units"] == {"video": 10.5, "image": 800, "Universal": 7}
    assert view.text().splitlines()[0] == "10.5 video units, 800 image units, 7 Universal units left"
    assert balance_view(Balance()).text().splitlines()[0] == "no units left"


def charge(task_id: str, at: float, amount: str = "3", package: str = "video", currency: str = "") -> Charge:
    return Charge(task_id, "Text to Video", "kling-v3", at, Decimal(amount), package, currency, "key", "5.04", "720p")


@pytest.mark.parametrize("mode", ERAS)
async def test_each_charge_stands_beside_the_job_it_was_for(wide: House, mode: Mode) -> None:
    with anyio.fail_after(20):
        async with wide.client(mode) as client:
            job = await asked(client, "generate_video", **WISH)
            now = wide.jobs.clock.now()
            ours = charge(f"task-{job['job_id']}", now - 10)
            wide.studio.deductions = [ours, charge("elsewhere", now - 20, "8", "image"), charge("old", now - 9e6)]
            answer = await asked(client, "list_charges")
    assert [row.get("job_id") for row in answer["charges"]] == [job["job_id"], None]
    assert answer["charges"][0]["tool"] == "generate_video"
    assert answer["sum"] == {"video units": 3, "image units": 8}
    assert answer["next"].startswith("These are all of the last 7 days.")
    assert [row["task_id"] for row in answer["audit"]["unexplained"]] == ["elsewhere"]
    assert answer["audit"]["unexplained_sum"] == {"image units": 8}
    assert answer["audit"]["verdict"].startswith("One charge of the period belongs to no job of this ledger: ")
    assert {"not_booked_yet", "unconfirmed"}.isdisjoint(answer["audit"])
    assert sum(day["kling"] for day in answer["audit"]["days"].values()) == 11
    assert sum(day["ledger"] for day in answer["audit"]["days"].values()) == 3


async def test_charges_of_one_type_are_found_among_the_others_and_money_is_apart(wide: House, client: Client) -> None:
    now = wide.jobs.clock.now()
    wide.studio.deductions = [
        *(charge(f"v{n}", now - n) for n in range(4)),
        charge("i", now - 5, "8", "image"),
        charge("c", now - 6, "0.42", "", "USD"),
    ]
    images = await asked(client, "list_charges", product_type="image", limit=2)
    money = await asked(client, "list_charges", product_type="cash")
    page = await asked(client, "list_charges", product_type="video", limit=2, days=3)
    assert [row["task_id"] for row in images["charges"]] == ["i"]
    assert money["sum"] == {"USD": 0.42}
    assert page["next"] == 'For older ones call list_charges(days=3, product_type="video", limit=2, cursor="2")'
    rest = await asked(client, "list_charges", product_type="video", limit=2, days=3, cursor="2")
    assert [row["task_id"] for row in (*page["charges"], *rest["charges"])] == ["v0", "v1", "v2", "v3"]


async def test_a_page_that_is_full_is_compared_with_the_rest_of_the_period_too(wide: House, client: Client) -> None:
    now = wide.jobs.clock.now()
    wide.studio.deductions = [charge(f"v{n}", now - n) for n in range(25)]
    page = await asked(client, "list_charges", limit=2)
    rest = await asked(client, "list_charges", limit=2, cursor="2")
    assert [row["task_id"] for row in page["charges"]] == ["v0", "v1"]
    assert page["cursor"] == "2"
    assert page["audit"]["unexplained_sum"] == {"video units": 75}
    assert len(page["audit"]["unexplained"]) == 10
    assert page["audit"]["verdict"].startswith("25 charges of the period belong to no job")
    assert [row["task_id"] for row in rest["charges"]] == ["v2", "v3"]
    assert "audit" not in rest


async def test_a_job_that_kling_has_not_booked_yet_is_named(client: Client) -> None:
    job = await asked(client, "generate_video", **WISH)
    answer = await asked(client, "list_charges")
    assert answer["audit"]["not_booked_yet"] == [job["job_id"]]
    assert answer["audit"]["not_booked_units"] == 3
    assert "should appear within a day" in answer["audit"]["verdict"]


async def test_the_charge_of_a_request_without_a_task_is_found_by_likeness_and_doubts_are_named(
    wide: House, client: Client
) -> None:
    wide.studio.trouble = OutcomeUnknown("The connection broke.")
    recognised = {"image": "https://example.com/a.png"}
    doubt = told(await client.call_tool("recognize_image", recognised))["job_id"]
    waited = await client.call_tool("wait_for_jobs", {"job_ids": [doubt]})
    before = await asked(client, "list_charges")
    row = charge("t-9", wide.jobs.clock.now(), "0.1")
    wide.studio.deductions = [replace(row, function="Image Recognition", duration="", model_name="")]
    after = await asked(client, "list_charges")
    assert told(waited)["jobs"][0]["status"] == "unconfirmed"
    assert before["audit"]["unconfirmed"] == [{"job_id": doubt, "tool": "recognize_image", "units": 0.1}]
    assert "most likely never charged" in before["audit"]["verdict"]
    assert (after["charges"][0]["job_id"], after["charges"][0]["alike"]) == (doubt, True)
    assert after["audit"]["unconfirmed"][0]["charged_at"] == after["charges"][0]["at"]
    assert after["audit"]["verdict"] == "Every charge of the period is explained by a job."


async def test_no_charges_are_said_to_be_none(client: Client) -> None:
    answer = await asked(client, "list_charges", days=1)
    assert (answer["charges"], answer["sum"]) == ([], {})
    assert answer["next"].startswith("There are none of the last day.")
    assert answer["audit"] == {"verdict": "Every charge of the period is explained by a job."}


async def test_voices_of_the_library_and_of_speech_are_listed_and_searched(wide: House, client: Client) -> None:
    wide.studio.library["voice", "own"] = [Voice("8801", "Captain", "https://x/y.mp3"), Voice("8802", "Cook")]
    own = await asked(client, "list_voices", origin="own", page_size=1)
    cook = await asked(client, "list_voices", origin="own", words="COOK")
    british = await asked(client, "list_voices", origin="speech", words="british man", page_size=1)
    assert own["voices"] == [{"id": "8801", "name": "Captain", "trial_url": "https://x/y.mp3"}]
    assert 'For more call list_voices(origin="own", page=2, page_size=1)' in own["next"]
    assert [voice["id"] for voice in cook["voices"]] == ["8802"]
    assert british["voices"][0]["id"] == "uk_man2"
    assert "text_to_speech" in british["next"]
    assert (await asked(client, "list_voices", origin="preset"))["next"] == "There are none."
    nobody = await asked(client, "list_voices", origin="preset", words="man")
    assert nobody["next"] == "None has these words: leave words out to see all."


async def test_what_failed_among_the_voices_hides_no_voice_behind_it(wide: House, client: Client) -> None:
    made = [Voice("8801", "Captain"), None, Voice("8802", "Cook")]
    wide.studio.library["voice", "own"] = [None, *made, *[None] * 500, Voice("8803", "Cook's mate")]
    first = await asked(client, "list_voices", page_size=2)
    cooks = await asked(client, "list_voices", words="cook")
    bare = await asked(client, "list_voices", page=3, page_size=2)
    last = await asked(client, "list_voices", page=17)
    assert ([voice["id"] for voice in first["voices"]], "page=2" in first["next"]) == (["8801"], True)
    assert [voice["id"] for voice in cooks["voices"]] == ["8802", "8803"]
    assert bare["next"] == (
        'Nothing usable is left of this page. For more call list_voices(origin="own", page=4, page_size=2)'
    )
    assert ([voice["id"] for voice in last["voices"]], "For more" in last["next"]) == (["8803"], False)


async def test_elements_are_found_by_their_description_and_tags(wide: House, client: Client) -> None:
    wide.studio.library["element", "own"] = [
        Element("861234567890123456", "Ship", "A small ship", "image_refer", "own", "succeed", ("vehicle",)),
        Element("861234567890123457", "Ann", "A traveller"),
    ]
    found = await asked(client, "list_elements", words="small vehicle")
    assert [element["id"] for element in found["elements"]] == ["861234567890123456"]
    assert found["elements"][0]["tags"] == ["vehicle"]
    assert 'element_list=[{"element_id": "…"}]' in found["next"]


async def test_what_a_job_put_into_the_library_is_deleted_by_the_jobs_id(wide: House, client: Client) -> None:
    wide.studio.outputs, wide.studio.facts = (), {"voice_id": "8801", "voice_name": "Captain"}
    wide.studio.library["voice", "own"] = [Voice("8801", "Captain")]
    job = await asked(client, "create_voice", voice_name="Captain", voice_url="https://example.com/a.mp3")
    gone = await asked(client, "delete_voice", voice_id=job["job_id"])
    assert gone["deleted"] == "voice 8801"
    assert wide.studio.library["voice", "own"] == []
    twice = await client.call_tool("delete_voice", {"voice_id": "8801"})
    wrong = await client.call_tool("delete_element", {"element_id": job["job_id"]})
    assert twice.is_error
    assert wrong.is_error
    assert f"Job {job['job_id']} (create_voice) made no element." in text(wrong)


@pytest.mark.parametrize("tool", GENERATIONS)
def test_every_tool_that_makes_something_is_a_tool_with_the_same_name(tool: str) -> None:
    assert TOOLS[tool].operation is GENERATIONS[tool]
