"""The free operations about money."""

from __future__ import annotations

import pytest

from kling_mcp.errors import InvalidRequest
from kling_mcp.operations.account import OPERATIONS, CheckBalance, EstimateCost, ListCharges


def test_check_balance_takes_nothing_and_costs_nothing() -> None:
    request = CheckBalance.parse({})
    assert request.model_dump() == {}


def test_check_balance_refuses_arguments() -> None:
    with pytest.raises(InvalidRequest, match=r"'pack' is not an argument of check_balance. Its arguments are: none."):
        CheckBalance.parse({"pack": "x"})


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ({}, {}),
        ({"arguments": ""}, {}),
        ({"arguments": "{}"}, {}),
        ({"arguments": {"prompt": "x"}}, {"prompt": "x"}),
        ({"arguments": '{"prompt": "x"}'}, {"prompt": "x"}),
    ],
)
def test_estimate_cost_takes_a_tool_and_its_arguments(arguments: dict[str, object], meant: dict[str, object]) -> None:
    request = EstimateCost.parse({"tool": "generate_video", **arguments})
    assert request == EstimateCost(tool="generate_video", arguments=meant)
    assert (request.tool_name, request.arguments) == ("generate_video", meant)


@pytest.mark.parametrize("arguments", ["[1]", "words", 0, [1]])
def test_estimate_cost_refuses_arguments_that_are_no_object(arguments: object) -> None:
    with pytest.raises(InvalidRequest, match="'arguments' should be a valid object"):
        EstimateCost.parse({"tool": "generate_video", "arguments": arguments})


def test_a_required_argument_that_is_missing_is_asked_for_once() -> None:
    for arguments in ({}, {"tool": " "}):
        with pytest.raises(InvalidRequest) as caught:
            EstimateCost.parse(arguments)
        assert [p.sentence for p in caught.value.problems] == [
            "'tool' is required: estimate_cost cannot run without it."
        ]
    with pytest.raises(InvalidRequest) as caught:
        EstimateCost.parse({"tools": "generate_video"})
    assert [p.sentence for p in caught.value.problems] == [
        "'tools' is not an argument of estimate_cost. Did you mean 'tool'?"
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"days": 0}, "'days' should be greater than or equal to 1"),
        ({"days": 366}, "'days' should be less than or equal to 365"),
        ({"limit": 501}, "'limit' should be less than or equal to 500"),
        ({"product_type": "audio"}, "'product_type' should be 'video', 'image', 'try-on' or 'cash'"),
        ({"producttype": "video"}, "'producttype' is not an argument of list_charges. Did you mean 'product_type'?"),
    ],
)
def test_list_charges_refuses_what_kling_would(arguments: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        ListCharges.parse(arguments)


def test_list_charges_shows_the_last_week_of_everything() -> None:
    request = ListCharges.parse({"cursor": "", "days": "7"})
    assert request == ListCharges()
    assert (request.days, request.product_type, request.limit, request.cursor) == (7, None, 50, None)


def test_the_file_lists_its_operations() -> None:
    assert list(OPERATIONS) == [CheckBalance, ListCharges, EstimateCost]
