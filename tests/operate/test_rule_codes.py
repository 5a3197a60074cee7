"""Codes and ids in rules that the ShipStation account does not have."""

from __future__ import annotations

from mappings.rules import Rules
from mappings.rules_file import rules_of_file
from syncd.operate.rule_codes import Misfit, misfits
from tests.shipstation.account import Account


def rules(*then: str) -> Rules:
    listed = [f'[[rules]]\nname = "r{n}"\nwhen = {{}}\nthen = {{ {one} }}\n' for n, one in enumerate(then, 1)]
    return rules_of_file('[rules_settings]\nmode = "all"\n' + "".join(listed), "rules.toml")


async def found(*then: str) -> tuple[list[Misfit], int]:
    """And how many calls it took."""
    account = Account()
    return await account.do(misfits(rules(*then), account.client)), account.calls()


async def test_what_the_account_has_is_no_misfit() -> None:
    wanted = 'carrier = "ups", service = "ups_ground", package = "package", warehouse = 502, tags = [8362, 8363]'
    assert await found(wanted, wanted) == ([], 5)


async def test_each_wrong_code_is_named_with_its_rule_and_what_there_is() -> None:
    wrong, _ = await found(
        'carrier = "upps", service = "ups_ground"',
        'carrier = "ups", service = "usps_priority_mail", package = "crate"',
        "warehouse = 503, tags = [8362, 1]",
    )
    assert [(one.rule, one.text) for one in wrong] == [
        ("r1", "there is no carrier upps"),
        ("r2", "there is no service usps_priority_mail of ups"),
        ("r2", "there is no package crate of ups"),
        ("r3", "there is no warehouse 503"),
        ("r3", "there is no tag 1"),
    ]
    assert wrong[1].cure == "Use one of ups_ground, ups_worldwide_saver."


async def test_what_a_rule_names_to_choose_by_rates_is_looked_up_too() -> None:
    wrong, _ = await found(
        'rate = { choose = "cheapest", among = ["ups", "fedex/fedex_groun"], fallback = { carrier = "usp", service = "x" } }',
        'rate = { choose = "cheapest", among = ["ups/ups_ground"], package = "crate" }',
    )
    assert [(one.rule, one.text) for one in wrong] == [
        ("r1", "there is no carrier usp"),
        ("r2", "there is no package crate of ups"),
        ("r1", "there is no service fedex_groun of fedex"),
    ]


async def test_rules_without_codes_cost_no_call() -> None:
    assert await found("hold = true", 'note = "x"') == ([], 0)
