"""The carriers of the sandbox's account, their services, and what their tracking numbers look like."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random  # noqa: TID251 - seeded: the same seed makes the same day


@dataclass(frozen=True)
class Carrier:
    """`name` is what fulfillments show; `tracking` has `#` for each random digit."""

    code: str
    name: str
    account_number: str
    requires_funds: bool
    provider_id: int
    services: tuple[tuple[str, str, bool], ...]  # code, name, international
    tracking: str


_USPS_SERVICES = (
    ("usps_first_class_mail", "USPS First Class Mail", False),
    ("usps_media_mail", "USPS Media Mail", False),
    ("usps_parcel_select", "USPS Parcel Select Ground", False),
    ("usps_priority_mail", "USPS Priority Mail", False),
    ("usps_priority_mail_international", "USPS Priority Mail Intl", True),
)
_UPS_SERVICES = (("ups_ground", "UPS Ground", False), ("ups_worldwide_saver", "UPS Worldwide Saver", True))
_USPS_TRACKING = "94001118################"

CARRIERS = (
    Carrier("stamps_com", "USPS", "SS123", True, 12345, _USPS_SERVICES, _USPS_TRACKING),
    Carrier("ups_walleted", "UPS", "ABCR81", True, 12346, _UPS_SERVICES, "1Z############0003"),
    Carrier("ups", "UPS", "ABCR80", False, 12347, _UPS_SERVICES, "1Z############0002"),
    Carrier(
        "fedex",
        "FedEx",
        "297929999",
        False,
        12348,
        (("fedex_ground", "FedEx Ground", False), ("fedex_2day_am", "FedEx 2Day AM", False)),
        "78##########",
    ),
    Carrier("endicia", "USPS", "913999", True, 12349, _USPS_SERVICES, _USPS_TRACKING),
    Carrier(
        "dhl_express_worldwide",
        "DHL Express",
        "DHL1",
        False,
        12350,
        (("dhl_express_worldwide", "DHL Express Worldwide", True),),
        "##########",
    ),
    Carrier("usps", "USPS", "USPS1", False, 12351, _USPS_SERVICES, _USPS_TRACKING),
    Carrier(
        "amazon_buy_shipping",
        "Amazon",
        "AMZ1",
        False,
        12352,
        (("amzn_us_swa_tfm", "Amazon Shipping", False),),
        "TBA############",
    ),
)

PACKAGES = (
    ("package", "Package", True),
    ("large_package", 'Large Package (any side > 12")', True),
    ("flat_rate_envelope", "Flat Rate Envelope", True),
    ("regional_rate_box_a", "Regional Rate Box A", False),
)
"""Code, name, international; every carrier of the sandbox has the same."""

TRACKING_PAGES = {
    "USPS": "https://tools.usps.com/go/TrackConfirmAction?tLabels=",
    "UPS": "https://www.ups.com/track?tracknum=",
    "FedEx": "https://www.fedex.com/fedextrack/?trknbr=",
    "DHL Express": "https://www.dhl.com/en/express/tracking.html?AWB=",
}

CARRIERS_BY_CODE = {carrier.code: carrier for carrier in CARRIERS}


def made_up_tracking_number(carrier_code: str, rng: Random) -> str:
    """Made up in the carrier's shape; unknown carriers get 14 digits."""
    carrier = CARRIERS_BY_CODE.get(carrier_code)
    shape = carrier.tracking if carrier else "#" * 14
    return "".join(str(rng.randrange(10)) if sign == "#" else sign for sign in shape)


def display_name(carrier_code: str) -> str:
    """Fulfillments show display-like values (`USPS`) where shipments show codes (`stamps_com`)."""
    carrier = CARRIERS_BY_CODE.get(carrier_code.lower())
    return carrier.name if carrier else carrier_code


def tracking_page(carrier_code: str, tracking_number: str) -> str | None:
    """Where the carrier shows the way of a package; None where the sandbox knows no page."""
    page = TRACKING_PAGES.get(display_name(carrier_code))
    return f"{page}{tracking_number}" if page else None
