"""ShipStation's carrier and service codes -> the tracking company, spelled as Shopify spells it.

Shopify builds the tracking address only for names that it knows character for character
(shopify.dev, FulfillmentTrackingInfo.company, 2026-10); all others are sent with an address of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

SHOPIFY_COMPANIES = (
    "4PX|AGS|Amazon|Amazon Logistics UK|An Post|Anjun Logistics|APC|Asendia USA|Australia Post|Bonshaw|BPost|BPost International"
    "|Canada Post|Canpar|CDL Last Mile|China Post|Chronopost|Chukou1|Colissimo|Comingle|Coordinadora|Correios|Correos|CTT"
    "|CTT Express|Cyprus Post|Delnext|Deutsche Post|DHL eCommerce|DHL eCommerce Asia|DHL Express|DPD|DPD Local|DPD UK"
    "|DTD Express|DX|Eagle|Estes|Evri|FedEx|First Global Logistics|First Line|FSC|Fulfilla|GLS"
    "|Guangdong Weisuyi Information Technology (WSE)|Heppner Internationale Spedition GmbH & Co.|Iceland Post|IDEX|Israel Post"
    "|Japan Post (EN)|Japan Post (JA)|La Poste Colissimo|La Poste Burkina Faso|Lasership|Latvia Post|Lietuvos Paštas|Logisters"
    "|Lone Star Overnight|M3 Logistics|Meteor Space|Mondial Relay|New Zealand Post|NinjaVan"
    "|North Russia Supply Chain (Shenzhen) Co.|OnTrac|Packeta|Pago Logistics|Ping An Da Tengfei Express|Pitney Bowes"
    "|Portal PostNord|Poste Italiane|PostNL|PostNord DK|PostNord NO|PostNord SE|Purolator|Qxpress|Qyun Express|Royal Mail"
    "|Royal Shipments|Sagawa (EN)|Sagawa (JA)|Sendle|SF Express|SFC Fulfillment|ShipBob|SHREE NANDAN COURIER|Singapore Post"
    "|Southwest Air Cargo|StarTrack|Step Forward Freight|Swiss Post|TForce Final Mile|Tinghao|TNT|Toll IPEC"
    "|United Delivery Service|UPS|USPS|Venipak|We Post|Whistl|Wizmo|WMYC|Xpedigo|XPO Logistics|Yamato (EN)|Yamato (JA)"
    "|YiFan Express|YunExpress"
).split("|")
"""Known to Shopify in shops of every country."""

NAMES_BY_CODE = {
    "amazon_buy_shipping": "Amazon",
    "amazon_shipping": "Amazon",
    "amazon_shipping_us": "Amazon",
    "amazon_shipping_uk": "Amazon Logistics UK",
    "apc_postal_logistics": "APC",
    "asendia": "Asendia USA",
    "asendia_us": "Asendia USA",
    "dhl": "DHL Express",
    "dhl_global_mail": "DHL eCommerce",
    "endicia": "USPS",
    "express_1": "USPS",
    "federal_express": "FedEx",
    "hermes": "Evri",
    "hermes_corp": "Evri",
    "myhermes": "Evri",
    "laser_ship": "Lasership",
    "newgistics": "Pitney Bowes",
    "on_trac": "OnTrac",
    "stamps_com": "USPS",
    "tforce": "TForce Final Mile",
    "united_parcel_service": "UPS",
    "us_postal_service": "USPS",
    "usps_com": "USPS",
}

_BY_PREFIX = {
    "amazon": "Amazon",
    "australia_post": "Australia Post",
    "canada_post": "Canada Post",
    "canpar": "Canpar",
    "dhl_ecommerce": "DHL eCommerce",
    "dhl_ecomm": "DHL eCommerce",
    "dhl_express": "DHL Express",
    "dpd_local": "DPD Local",
    "dpd_uk": "DPD UK",
    "dpd": "DPD",
    "evri": "Evri",
    "fedex": "FedEx",
    "globalpost": "GlobalPost",
    "globegistics": "Asendia USA",
    "ontrac": "OnTrac",
    "purolator": "Purolator",
    "royal_mail": "Royal Mail",
    "sendle": "Sendle",
    "tnt": "TNT",
    "ups": "UPS",
    "usps": "USPS",
}
"""Country accounts and products hang on to the carrier's code: `dhl_express_uk`, `ups_mail_innovations`."""

_AGGREGATORS = {"amazon_buy_shipping", "endicia", "express_1", "stamps_com", "usps"}
"""They sell other carriers' labels as well: the service code tells whose. GlobalPost comes through stamps_com."""

TRACKING_URLS = {
    "GlobalPost": "https://www.goglobalpost.com/track-detail/?t={}",
    "FirstMile": "https://track.firstmile.com/detail.php?n={}",
    "Parcelforce": "https://www.parcelforce.com/track-trace?trackNumber={}",
    "Yodel": "https://www.yodel.co.uk/tracking/{}",
    "Aramex Australia": "https://www.aramex.com.au/tools/track?l={}",
    "Intelcom": "https://intelcom.ca/en/track-your-package/?tracking-id={}",
    "Landmark Global": "https://track.landmarkglobal.com/?search={}",
    "UniUni": "https://www.uniuni.com/tracking/?no={}",
}
"""For companies that Shopify does not know, or knows in one country only. A wrong address is worse than none: only sure ones."""

_UNKNOWN_NAMES = {
    "aramex_au": "Aramex Australia",
    "couriersplease": "Couriers Please",
    "first_mile": "FirstMile",
    "loomis_express": "Loomis",
    "rr_donnelley": "RR Donnelley",
}

_ACCOUNT_SUFFIX = re.compile(r"(_walleted|_wallet|_cpp|_balance)+$")


def tracking(
    carrier_code: str | None,
    service_code: str | None,
    number: str | None,
    own: Mapping[str, tuple[str, str]] | None = None,
) -> tuple[str | None, str | None]:
    """(company, address). No address where Shopify builds one itself, or where nobody knows one. No company without a carrier.

    `own`: the merchant's table, carrier code in small letters -> (company, address with {number}); it goes before ours.
    """
    if found := (own or {}).get((carrier_code or "").strip().lower()):
        name, address = found
        return name, address.replace("{number}", quote(number, safe="")) if address and number else None
    company = tracking_company(carrier_code, service_code)
    template = TRACKING_URLS.get(company or "")
    return company, template.format(quote(number, safe="")) if template and number else None


def more_tracking(
    carrier_code: str | None, service_code: str | None, numbers: Iterable[str], own: Mapping[str, tuple[str, str]]
) -> tuple[tuple[str, str | None], ...]:
    """(number, address) of the other packages of a label."""
    return tuple((number, tracking(carrier_code, service_code, number, own)[1]) for number in numbers)


def tracking_company(carrier_code: str | None, service_code: str | None = None) -> str | None:
    """Codes (`ups_walleted`) and display names (`FedEx`, as V1 fulfillments show) both work. Unknown ones stay readable."""
    code = _ACCOUNT_SUFFIX.sub("", _key(carrier_code or ""))
    if not code:
        return None
    sold = _named(_key(service_code or "")) if code in _AGGREGATORS else None
    return sold or _named(code) or _readable(carrier_code or "", code)


def is_trackable(carrier_code: str) -> bool:
    """Whether a customer gets a link for its packages without anything in the settings."""
    company = tracking_company(carrier_code)
    return company in SHOPIFY_COMPANIES or company in TRACKING_URLS


def _named(code: str) -> str | None:
    return _KNOWN.get(code) or next((name for prefix, name in _PREFIXES if code.startswith(f"{prefix}_")), None)


def _readable(carrier: str, code: str) -> str:
    """A display name as it is, a code in words: `acme_freight` -> `Acme Freight`."""
    return carrier.strip() if carrier != carrier.lower() or " " in carrier.strip() else code.replace("_", " ").title()


def _key(name: str) -> str:
    return "_".join(re.findall(r"[^\W_]+", name.lower()))


_KNOWN = (
    {_key(name): name for name in [*SHOPIFY_COMPANIES, *TRACKING_URLS]} | _UNKNOWN_NAMES | _BY_PREFIX | NAMES_BY_CODE
)
_PREFIXES = sorted(_BY_PREFIX.items(), key=lambda item: -len(item[0]))
