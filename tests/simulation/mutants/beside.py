"""Mutants of what goes on beside orders and packages: stock, returns, the catalogue and news of deliveries."""

from __future__ import annotations

from mappings import catalog, news, plan_returns
from mappings.stock import Sight
from syncd.flows import claim
from syncd.shopify import stock
from tests.simulation.mutants.planting import Edit, Mutant

BESIDE = (
    Mutant(
        "level_written_blind",
        "a level is written over whatever stands there by now",
        (Edit(stock.set_levels, '"changeFromQuantity": one.compared', '"changeFromQuantity": None'),),
        needs=("stock",),
        orders=100,
        seed=1011,
    ),
    Mutant(
        "sold_offered_again",
        "units that were sold and that ShipStation does not hold yet count as free",
        (Edit(Sight.unseen, "return max(0, level.committed - held)", "return 0"),),
        needs=("stock",),
        orders=100,
        seed=1011,
    ),
    Mutant(
        "paid_before_arrival",
        "money goes back as soon as there is a return label",
        (Edit(claim._return, "received_at=row.received_at,", "received_at=row.created_at,"),),
        test="tests/simulation/test_sidelines.py::test_a_planted_bug_is_seen_and_a_sound_daemon_is_not_blamed[paid_before_arrival]",
    ),
    Mutant(
        "noted_again",
        "a line that stands in the note already is written once more",
        (
            Edit(plan_returns._note, "None if one.marker in seen.note else _with_line(seen.note, words)", "_with_line(seen.note, words)"),
            Edit(plan_returns._plan_one, 'if policy.on_label == "note" and not one.is_told:', 'if policy.on_label == "note" and (not one.is_told or not one.intended_at):'),
        ),
        needs=("returns",),
        orders=100,
        seed=20325,
    ),
    Mutant(
        "product_sent_bare",
        "what the warehouse wrote about a product is not sent along, and so deleted",
        (Edit(catalog.changed_product, "{**product, **{", "{**dict.fromkeys(product), **{key: product[key] for key in OURS & product.keys()}, **{"),),
        needs=("catalog",),
        orders=100,
        seed=20245,
    ),
    Mutant(
        "event_told_again",
        "all that the carrier said is told with each of its news",
        (Edit(news.untold_events, "if not there:", "if True:"),),
        needs=("news",),
        orders=100,
        seed=20367,
    ),
)  # fmt: skip
