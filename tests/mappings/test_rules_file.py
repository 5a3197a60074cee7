"""Mistakes in rules are told all at once, each with its line and what to write instead."""

from __future__ import annotations

import pytest

from mappings.rules_file import RulesError, rules_of_file

HEAD = '[rules_settings]\nmode = "all"\n\n'
"""Three lines: the first rule's header is on line 4."""


def problems(text: str, head: str = HEAD) -> list[str]:
    with pytest.raises(RulesError) as caught:
        rules_of_file(head + text, "rules.toml")
    return caught.value.problems


def one(when: str = "{}", then: str = "{ tags = 1 }", rest: str = "") -> str:
    return f'[[rules]]\nname = "a"\nwhen = {when}\nthen = {then}\n{rest}'


def rated(parts: str) -> str:
    return f'[[rules]]\nname = "a"\nwhen = {{}}\n[rules.then.rate]\n{parts}\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            one('{ any_tags = "vip" }'),
            "rules.toml line 6: any_tags is not a known condition; did you mean any_tag?",
            id="unknown condition",
        ),
        pytest.param(
            one(then='{ carier = "ups" }'),
            "rules.toml line 7: carier is not a known action; did you mean carrier?",
            id="unknown action",
        ),
        pytest.param(
            one(rest="stops = true"),
            "rules.toml line 8: stops is not a part of a rule; did you mean stop?",
            id="unknown part",
        ),
        pytest.param(
            one('{ weight_over = "5 stone" }'),
            'rules.toml line 6: weight_over wants grams, or a text with a unit, such as "2.5 kg", "12 oz" or "5 lb".',
            id="weight",
        ),
        pytest.param(
            one('{ country = "USA" }'),
            'rules.toml line 6: country wants two-letter country codes, such as ["US", "CA"].',
            id="country",
        ),
        pytest.param(
            one(then='{ split = "big" }'),
            "rules.toml line 7: split needs to know which lines: add one of "
            "sku, sku_prefix, product_type, vendor, property, unit_weight_over.",
            id="split of everything",
        ),
        pytest.param(
            one(then='{ service = "ups_ground" }'),
            "rules.toml line 7: service needs its carrier beside it: ShipStation looks it up there.",
            id="service alone",
        ),
        pytest.param(
            one(then="{ hold = 0 }"),
            "rules.toml line 7: hold wants true (until `syncd release ORDER`) or a number of days.",
            id="no hold",
        ),
        pytest.param(one(rest='stop = "yes"'), "rules.toml line 8: stop wants true or false.", id="stop"),
        pytest.param(
            one() + one(),
            "rules.toml line 9: there are two rules with the name 'a'; their hits could not be told apart.",
            id="same name",
        ),
        pytest.param(
            "[sync]\n" + one(),
            "rules.toml line 4: sync does not belong in a file of rules. It has [rules_settings] and [[rules]].",
            id="other table",
        ),
        pytest.param(
            one(then="{ rate = true }"),
            'rules.toml line 7: rate wants a table, such as { choose = "cheapest" }.',
            id="rate of nothing",
        ),
        pytest.param(
            one(then='{ rate = { choose = "best" } }'),
            'rules.toml line 7: rate wants choose = "cheapest" or choose = "fastest".',
            id="rate without a choice",
        ),
        pytest.param(
            rated('choose = "cheapest"\nwithin = 3'),
            "rules.toml line 9: rate has no part within. Known: choose, among, within_days, package, fallback.",
            id="unknown part of rate",
        ),
        pytest.param(
            rated('choose = "cheapest"\n\nwithin_days = 0'),
            "rules.toml line 10: rate wants within_days as a whole number of days, 1 to 90.",
            id="days",
        ),
        pytest.param(
            rated('choose = "cheapest"\namong = ["ups", "fedex ground"]'),
            "rules.toml line 9: rate wants among as carriers of your ShipStation account, or carrier/service: "
            '["ups", "fedex/fedex_ground"].',
            id="among",
        ),
        pytest.param(
            rated('choose = "cheapest"\nfallback = { carrier = "ups" }'),
            "rules.toml line 9: rate wants fallback as a table such as "
            '{ carrier = "ups", service = "ups_ground" }, with both of them.',
            id="half a fallback",
        ),
        pytest.param(
            one(then='{ rate = { choose = "cheapest" }, carrier = "ups" }'),
            "rules.toml line 7: carrier cannot stand beside rate, which chooses it; "
            "write rate = { fallback = { carrier = ..., service = ... } }.",
            id="rate and carrier",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, expected: str) -> None:
    assert problems(text) == [expected]


def test_all_mistakes_are_told_at_once_each_in_its_own_rule() -> None:
    text = (
        one("{ po_box = 1 }")
        + "\n# [[rules]] in a comment\n"
        + '[[rules]]\nname = "b"\n[rules.when]\nsku = []\n[rules.then]\ntags = "x"\n'
    )
    assert [problem.partition(": ")[0] for problem in problems(text)] == [
        "rules.toml line 6",
        "rules.toml line 13",
        "rules.toml line 15",
    ]


def test_the_mode_must_be_chosen_where_there_are_rules() -> None:
    (problem,) = problems(one(), head="")
    assert problem.startswith('rules.toml: [rules_settings] needs mode = "first"')
    assert problems(one(), head='[rules_settings]\nmode = "both"\n')[0].startswith("rules.toml line 2: ")


def test_text_that_is_no_toml_is_told_in_the_parsers_words() -> None:
    (problem,) = problems("[[rules]\n")
    assert problem.startswith("rules.toml: is not valid TOML: ")
    assert "line 4" in problem


def test_a_file_without_rules_is_fine() -> None:
    assert rules_of_file("", "rules.toml").rules == ()
