from __future__ import annotations

import re
from pathlib import Path

import pytest

from mappings.carriers import SHOPIFY_COMPANIES, TRACKING_URLS, tracking, tracking_company


@pytest.mark.parametrize(
    ("carrier", "service", "company"),
    [
        ("stamps_com", "usps_first_class_mail", "USPS"),
        ("stamps_com", None, "USPS"),
        ("stamps_com", "globalpost_economy_international", "GlobalPost"),
        ("stamps_com", "ups_ground", "UPS"),
        ("endicia", "usps_priority_mail", "USPS"),
        ("express_1", "usps_priority_mail_international", "USPS"),
        ("USPS", None, "USPS"),
        ("usps", "usps_media_mail", "USPS"),
        ("ups", "ups_ground", "UPS"),
        ("ups_walleted", "ups_ground", "UPS"),
        ("ups_mail_innovations", None, "UPS"),
        ("UPS", None, "UPS"),
        ("fedex", "fedex_2day_am", "FedEx"),
        ("fedex_walleted", "fedex_ground", "FedEx"),
        ("FedEx", None, "FedEx"),
        ("dhl_express", None, "DHL Express"),
        ("dhl_express_worldwide", "dhl_express_worldwide", "DHL Express"),
        ("dhl_express_uk_walleted", None, "DHL Express"),
        ("dhl_global_mail", "globalmail_packet_plus", "DHL eCommerce"),
        ("DHL", None, "DHL Express"),
        ("dhl_ecommerce_uk", None, "DHL eCommerce"),
        ("dpd", None, "DPD"),
        ("dpd_local", None, "DPD Local"),
        ("dpd_germany", None, "DPD"),
        ("canada_post_walleted", None, "Canada Post"),
        ("purolator_ca", None, "Purolator"),
        ("australia_post_eparcel", None, "Australia Post"),
        ("royal_mail", None, "Royal Mail"),
        ("hermes", None, "Evri"),
        ("ontrac", None, "OnTrac"),
        ("newgistics", None, "Pitney Bowes"),
        ("asendia_us", None, "Asendia USA"),
        ("amazon_shipping_us", None, "Amazon"),
        ("amazon_buy_shipping", "usps_priority_mail", "USPS"),
        ("parcelforce", None, "Parcelforce"),
        ("firstmile", None, "FirstMile"),
        ("acme_freight", None, "Acme Freight"),
        ("Joe's Bikes", None, "Joe's Bikes"),
        (None, "ups_ground", None),
        ("", None, None),
    ],
)
def test_tracking_company(carrier: str | None, service: str | None, company: str | None) -> None:
    assert tracking_company(carrier, service) == company


def test_shopify_builds_the_address_for_names_it_knows() -> None:
    assert tracking("ups_walleted", "ups_ground", "1Z999") == ("UPS", None)


def test_other_companies_bring_their_own_address() -> None:
    assert tracking("globalpost", None, "LX 1/2") == (
        "GlobalPost",
        "https://www.goglobalpost.com/track-detail/?t=LX%201%2F2",
    )
    assert tracking("globalpost", None, None) == ("GlobalPost", None)
    assert tracking("acme_freight", None, "1") == ("Acme Freight", None)


def test_every_own_address_is_for_a_company_that_shopify_does_not_know_everywhere() -> None:
    assert not TRACKING_URLS.keys() & set(SHOPIFY_COMPANIES)
    assert all(url.startswith("https://") and url.count("{}") == 1 for url in TRACKING_URLS.values())


def test_the_names_are_those_of_the_official_schema(shared: Path) -> None:
    schema = (shared / "api" / "shopify-admin-2026-10.graphql").read_text()
    start = schema.index("tracking companies display for shops located in any country")
    listed = schema[start : schema.index("displayed for shops located in specific countries", start)]
    assert re.findall(r"^    \* (.+)$", listed, re.MULTILINE) == SHOPIFY_COMPANIES
