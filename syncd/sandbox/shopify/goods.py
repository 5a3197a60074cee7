"""What the sandbox's shops sell and where their customers live. Names and streets are invented."""

from __future__ import annotations

from typing import NamedTuple


class Article(NamedTuple):
    """`origin` and `code` are customs data; `grams` 0 and `ships` False make it digital."""

    sku: str | None
    title: str
    variant: str | None
    price: str
    grams: int
    ships: bool = True
    origin: str | None = "US"
    code: str | None = "732690"
    product_type: str = "Household"


PHYSICAL = (
    Article("MUG-01-BL", "Stoneware Mug", "Blue", "18.50", 420, code="691200"),
    Article("MUG-01-GR", "Stoneware Mug", "Green", "18.50", 420, code="691200"),
    Article("TEE-M-BLK", "Logo T-Shirt", "M / Black", "29.00", 180, origin="PT", code="610910", product_type="Apparel"),
    Article("TEE-L-WHT", "Logo T-Shirt", "L / White", "29.00", 185, origin="PT", code="610910", product_type="Apparel"),
    Article("LAMP-OAK", "Desk Lamp “Oak”", None, "129.90", 2300, origin="DE", code="940520", product_type="Lighting"),
    Article("PEN-SET-12", "Fineliner Set, 12 colours", None, "14.95", 150, origin="JP", code="960820"),
    Article(
        "CAFÉ-250", "Café de Olla 250 g", "Whole bean", "11.25", 265, origin="MX", code="090121", product_type="Coffee"
    ),
    Article("ROPE-10M", "Climbing Rope", "10 m", "64.00", 780, origin="CZ", code="560750", product_type="Outdoor"),
    Article("SOCK-3P", "Merino Socks", "3 pairs", "33.33", 210, origin=None, code=None, product_type="Apparel"),
    Article("KNIFE-8", "Chef's Knife 8\"", None, "89.99", 310, origin="JP", code="821192"),
)
DIGITAL = (
    Article(
        "EBOOK-01", "Field Guide (e-book)", "PDF", "9.99", 0, ships=False, origin=None, code=None, product_type="Books"
    ),
    Article("WARR-2Y", "Extended Warranty", "2 years", "19.00", 0, ships=False, origin=None, code=None),
)
GIFT_CARD = Article(
    "GIFT-25", "Gift Card", "$25.00", "25.00", 0, ships=False, origin=None, code=None, product_type="Gift Cards"
)


class Place(NamedTuple):
    first_name: str
    last_name: str
    company: str | None
    address1: str
    address2: str | None
    city: str
    province: str | None
    province_code: str | None
    zip: str | None
    country: str
    country_code: str
    phone: str | None


AT_HOME = (
    Place("Megan", "Alderton", None, "118 Linden Avenue", "Apt 4B", "Portland", "Oregon", "OR", "97205", "United States", "US", "+15035550143"),
    Place("José", "Núñez", None, "27 Banksia Street", None, "San Antonio", "Texas", "TX", "78205", "United States", "US", None),
    Place("Priya", "Raman", "Northfield Trading Co.", "900 Industrial Pkwy", "Dock 7", "Columbus", "Ohio", "OH", "43215-1032", "United States", "US", "614-555-0119"),
    Place("Siobhán", "O'Neill-García", None, "1 Main St #12", None, "St. John's", "Florida", "FL", "32259", "United States", "US", "(904) 555-0177"),
    Place("Chen", "Wei", None, "4410 Queens Blvd", "Unit 18", "Sunnyside", "New York", "NY", "11104", "United States", "US", "+17185550121"),
)  # fmt: skip
ABROAD = (
    Place("Zoë", "Müller", None, "Kölner Straße 12", "Hinterhaus", "Düsseldorf", None, None, "40227", "Germany", "DE", "+4921155501"),
    Place("Łukasz", "Wójcik", None, "ul. Świętokrzyska 3/14", None, "Kraków", None, None, "30-015", "Poland", "PL", "+48125550123"),
    Place("Aiko", "Yamada", None, "2-11-3 Meguro", "Meguro Heights 402", "Meguro-ku", "Tokyo", "JP-13", "153-0063", "Japan", "JP", "+81355550123"),
    Place("Amélie", "Côté", "Atelier Côté", "455 rue Saint-Paul", None, "Montréal", "Quebec", "QC", "H2Y 1H2", "Canada", "CA", "+15145550188"),
    Place("Dylan", "Hughes", None, "Tŷ Gwyn, Lôn Las", None, "Aberystwyth", "Wales", "WLS", "SY23 2AZ", "United Kingdom", "GB", "+441970555012"),
    Place("Orla", "Byrne", None, "Knocknacarra", None, "Galway", "Galway", "G", None, "Ireland", "IE", None),
    Place("美咲", "佐藤", None, "神南1丁目19-11", None, "渋谷区", "Tokyo", "JP-13", "150-0041", "Japan", "JP", "+81355550188"),
)  # fmt: skip
