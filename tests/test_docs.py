"""The documentation says what the code says. `python -m tests.test_docs` writes the generated pages and tables anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from mappings.carriers import NAMES_BY_CODE
from mappings.causes import MEANINGS, Cause, State
from mappings.eligibility import bar, barrier
from mappings.shopify_shapes import OrderToShip
from syncd.settings.stores import Store
from syncd.settings.whole import Settings
from tests.mappings.builders import NOW, PROFILE, fulfillment_order, money, order
from tests.test_rules_page import with_table

ROOT = Path(__file__).parent.parent
CAUSES = ROOT / "docs" / "causes.md"
ORDERS = ROOT / "docs" / "orders.md"
PACKAGES = ROOT / "docs" / "packages.md"


def causes_page() -> str:
    head = [
        "# Every state and every cause",
        "",
        "Every order is in exactly one state, and every state has one cause. `syncd explain ORDER` shows both. The codes",
        "never change their meaning. This page is generated from `mappings/causes.py`.",
    ]
    body = [line for state in State for line in _section(state)]
    return "\n".join([*head, *body, ""])


def _section(state: State) -> list[str]:
    rows = [
        f"| `{cause}` | {meaning.sentence} | {meaning.next_step} |"
        for cause, meaning in MEANINGS.items()
        if meaning.state is state
    ]
    return ["", f"## {state}", "", "| cause | what is so | what to do |", "|---|---|---|", *rows]


RISKY = {"recommendation": "CANCEL", "assessments": [{"riskLevel": "HIGH"}]}
DOUBTFUL = {"recommendation": "INVESTIGATE", "assessments": [{"riskLevel": "MEDIUM"}]}
ASSESSED_LATER = {"recommendation": "NONE", "assessments": [{"riskLevel": "PENDING"}]}
CAREFUL = replace(PROFILE.fraud, hold_on="investigate")

METRICS = ROOT / "docs" / "metrics.md"


def test_every_metric_is_explained() -> None:
    source = (ROOT / "syncd" / "operate" / "metrics.py").read_text(encoding="utf-8")
    explained = re.findall(r"`(syncd_\w+)`", METRICS.read_text(encoding="utf-8"))
    assert {name.removesuffix("_total") for name in explained} == set(re.findall(r'"(syncd_\w+)"', source))


KINDS_OF_ORDERS: dict[str, tuple[OrderToShip, dict[str, object]]] = {
    **{
        f"`{status}`": (order(displayFinancialStatus=status), {setting: True} if setting else {})
        for status, setting in {
            "PAID": "", "PARTIALLY_REFUNDED": "", "AUTHORIZED": "ship_authorized", "PENDING": "ship_pending",
            "PARTIALLY_PAID": "ship_partly_paid", "REFUNDED": "", "VOIDED": "", "EXPIRED": "",
        }.items()
    },
    "cancelled": (order(cancelledAt="2026-11-20T17:30:00Z"), {}),
    "a test order": (order(test=True), {"ship_test_orders": True}),
    "made before `sync.start_at`": (order(processedAt="2026-01-01T00:00:00Z"), {}),
    "costs nothing": (order(currentTotalPriceSet=money("0.00")), {"ship_zero_value": False}),
    "made a month ago": (order(processedAt="2026-10-20T00:00:00Z", createdAt="2026-10-20T00:00:00Z"), {"oldest_days": 7}),
    "Shopify recommends to cancel": (order(risk=RISKY), {}),
    "Shopify recommends to investigate": (order(risk=DOUBTFUL), {"fraud": CAREFUL}),
    "Shopify's analysis has not ended": (order(risk=ASSESSED_LATER), {}),
}  # fmt: skip
SETTING_IN_WORDS = {"fraud": '`fraud.hold_on = "investigate"`'}


def orders_table() -> list[str]:
    """Asks the code about each kind of order, without and with the setting that concerns it."""
    rows = ["| order | by default | with a setting |", "|---|---|---|"]
    for kind, (of, changes) in KINDS_OF_ORDERS.items():
        start = NOW - timedelta(days=90) if "sync.start_at" in kind else None
        profile = replace(PROFILE, start_at=start)
        other = replace(profile, **changes)  # type: ignore[arg-type]
        words = [SETTING_IN_WORDS.get(name, f"`{name} = {str(value).lower()}`") for name, value in changes.items()]
        turned = f"{words[0]}: {_answer(barrier(of, other, NOW))}" if words else ""
        rows.append(f"| {kind} | {_answer(barrier(of, profile, NOW))} | {turned} |")
    return rows


def _answer(found: object) -> str:
    cause = getattr(found, "cause", found)
    return f"`{cause}`" if cause else "sent"


PARTS = {
    "`OPEN` or `IN_PROGRESS`": {},
    "without a delivery method": {"deliveryMethod": None},
    **{
        f"`{method}`": {"deliveryMethod": {"methodType": method}}
        for method in ("PICK_UP", "PICKUP_POINT", "LOCAL", "RETAIL", "NONE")
    },
    "`ON_HOLD`": {"status": "ON_HOLD", "fulfillmentHolds": [{"id": "1", "reason": "OTHER"}]},
    "`SCHEDULED`": {"status": "SCHEDULED"},
    "given to a fulfillment service": {"requestStatus": "SUBMITTED"},
    "given up by one (`INCOMPLETE`)": {"status": "INCOMPLETE"},
}


def parts_table() -> list[str]:
    rows = [f"| {kind} | {_answer(bar(fulfillment_order(**rest)))} |" for kind, rest in PARTS.items()]  # type: ignore[arg-type]
    return ["| fulfillment order | |", "|---|---|", *rows]


def carriers_table() -> list[str]:
    names: dict[str, list[str]] = {}
    for code, name in NAMES_BY_CODE.items():
        names.setdefault(name, []).append(f"`{code}`")
    rows = [f"| {name} | {', '.join(sorted(codes))} |" for name, codes in sorted(names.items())]
    return ["| Shopify | ShipStation |", "|---|---|", *rows]


def orders_page() -> str:
    page = ORDERS.read_text(encoding="utf-8")
    return with_table(with_table(page, "orders", orders_table()), "parts", parts_table())


def packages_page() -> str:
    return with_table(PACKAGES.read_text(encoding="utf-8"), "carriers", carriers_table())


PAGES = {CAUSES: causes_page, ORDERS: orders_page, PACKAGES: packages_page}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_generated_parts_are_what_the_code_says(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == PAGES[page]()


def test_every_cause_has_one_meaning() -> None:
    assert set(MEANINGS) == set(Cause)


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Dotted, as README writes them. `limits` are listed in the code alone, rules on a page of their own."""
    for name, entry in model.model_fields.items():
        of = entry.annotation
        if isinstance(of, type) and issubclass(of, BaseModel):
            yield from keys(of, f"{prefix}{name}.")
        elif name not in {"stores", "carriers", "rules"}:
            yield f"{prefix}{name}"


def settings_in_readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8").partition("## Settings")[2].partition("\n## ")[0]


def test_every_setting_stands_in_the_readme() -> None:
    every = [*keys(Settings), *keys(Store, "stores.<name>.")]
    told = {word.rpartition(".")[2] for word in re.findall(r"`([a-z0-9_.<>]+)", settings_in_readme())}
    assert [key for key in every if key.rpartition(".")[2] not in told and key.partition(".")[0] not in UNLISTED] == []


UNLISTED = {"limits", "rules_settings"}


def test_the_readme_names_no_setting_that_is_none() -> None:
    known = {key.rpartition(".")[2] for key in [*keys(Settings), *keys(Store)]} | {"company", "url"}
    cells = [row.split("|")[1] for row in settings_in_readme().splitlines() if row.startswith("| `")]
    named = {word.rpartition(".")[2] for cell in cells for word in re.findall(r"`([a-z0-9_.<>]+)`", cell)}
    assert named - known == set()


if __name__ == "__main__":
    for path, written in PAGES.items():
        path.write_text(written(), encoding="utf-8")
