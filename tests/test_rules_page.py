"""docs/rules.md and the shipped examples say what the code does. `python -m tests.test_rules_page` writes the tables anew."""

from __future__ import annotations

import re
from pathlib import Path

from mappings.rule_actions import ACTIONS
from mappings.rule_conditions import CONDITIONS
from mappings.rules_file import rules_of_file
from syncd.operate.rule_codes import misfits
from tests.shipstation.account import Account

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "rules.md"
EXAMPLES = ROOT / "examples" / "rules.toml"


def with_tables(page: str) -> str:
    conditions = ["| condition | about | holds when |", "|---|---|---|"]
    conditions += [f"| `{name}` | {one.scope} | {one.meaning} |" for name, one in CONDITIONS.items()]
    actions = ["| action | decided for | |", "|---|---|---|"]
    actions += [
        f"| `{name}` | {'each ' if one.about == 'consignment' else 'the '}{one.about} | {one.meaning} |"
        for name, one in ACTIONS.items()
    ]
    return with_table(with_table(page, "conditions", conditions), "actions", actions)


def with_table(page: str, name: str, table: list[str]) -> str:
    head, begin, rest = page.partition(f"<!-- {name} -->\n")
    return "\n".join([head + begin.rstrip(), *table, "<!-- end -->"]) + rest.partition("<!-- end -->")[2]


def test_the_tables_are_what_the_code_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page)
    assert all(f"| `{name}` |" in page for name in [*CONDITIONS, *ACTIONS])


def test_the_rules_on_the_page_are_rules() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert [len(rules_of_file(block, "page").rules) for block in blocks] == [1, 1]


async def test_the_examples_are_rules_for_the_sandboxs_account() -> None:
    account, rules = Account(), rules_of_file(EXAMPLES.read_text(encoding="utf-8"), "rules.toml")
    assert await account.do(misfits(rules, account.client)) == []
    assert {"VIP to express", "subscription", "fragile", "at home, heavy"} <= {rule.name for rule in rules.rules}


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
