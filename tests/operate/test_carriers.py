"""The doctor names the carriers for whose packages a customer would get no link."""

from __future__ import annotations

from syncd.operate.shipstation_checks import carriers_check
from syncd.sandbox.shipstation.catalog import CARRIERS
from syncd.simulation.day import settings_of


def test_every_carrier_of_the_sandbox_has_a_link_also_when_paid_through_shipstation() -> None:
    codes = [one.code for one in CARRIERS] + ["ups_walleted", "fedex_walleted", "dhl_express_uk"]
    assert carriers_check(codes, settings_of())["result"] == "ok"


def test_unknown_carriers_are_named_until_the_settings_name_their_company() -> None:
    found = carriers_check(["ups", "zebra_express", "acme_freight"], settings_of())
    assert (found["result"], found["text"]) == ("note", "no tracking link for: acme_freight, zebra_express")
    assert "[carriers.acme_freight]" in found["cure"]
    own = settings_of(carriers={"Acme_Freight": {"company": "Acme"}, "zebra_express": {"company": "UPS"}})
    assert carriers_check(["ups", "zebra_express", "acme_freight"], own)["result"] == "ok"
