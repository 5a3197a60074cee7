"""Settings: all problems at once, each with key and cure, and never a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.errors import SettingsError
from syncd.settings.reading import read_settings
from syncd.settings.whole import Settings

WHOLE = """
[shipstation]
api_key = "key"
api_secret = "hidden-secret"

[stores.main]
shop = "main-shop.myshopify.com"
client_id = "client"
client_secret = "hidden-secret"
[stores.main.locations]
"82734627" = 501
"""


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "syncd.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems_of(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read_settings(settings_file(folder, text), environ or {})
    assert "hidden-secret" not in str(raised.value)
    return raised.value.problems


def plain(settings: Settings) -> list[tuple[str, str, str]]:
    pairs = settings.shipstation.key_pairs()
    return [(pair.name, pair.key.get_secret_value(), pair.secret.get_secret_value()) for pair in pairs]


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    settings = read_settings(settings_file(tmp_path, WHOLE), {})
    assert settings.stores["main"].locations == {82734627: 501}
    assert plain(settings) == [("api_key", "key", "hidden-secret")]
    assert "hidden-secret" not in repr(settings)


def test_the_environment_goes_over_the_file_and_secrets_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-a-file\n", encoding="utf-8")
    environ = {
        "SYNCD_SHIPSTATION__API_KEY": "other",
        "SYNCD_STORES__MAIN__PREVIOUS_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
        "SYNCD_CONFIG": "ignored here",
        "UNRELATED": "x",
    }
    settings = read_settings(settings_file(tmp_path, WHOLE), environ)
    assert plain(settings) == [("api_key", "other", "hidden-secret")]
    assert settings.stores["main"].webhook_secrets() == [b"hidden-secret", b"from-a-file"]


def test_everything_can_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {
        "SYNCD_SHIPSTATION__API_KEY": "key",
        "SYNCD_SHIPSTATION__API_SECRET": "secret",
        "SYNCD_STORES__MAIN__SHOP": "main-shop.myshopify.com",
        "SYNCD_STORES__MAIN__ACCESS_TOKEN": "token",
    }
    assert read_settings(None, environ).stores["main"].shop == "main-shop.myshopify.com"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("[stores.main", "[stores.Main"), "stores: 'Main': a store name has"),
        (('client_id = "client"\n', ""), "stores.main: needs client_id and client_secret"),
        (
            ('api_key = "key"\n', 'api_key = "key"\norders_api = "v2"\n'),
            'shipstation: orders_api is "v2" and v2_api_key is empty',
        ),
        (('api_key = "key"\n', 'api_key = "key"\norders_api = "v3"\n'), "shipstation.orders_api: "),
        (
            ('"hidden-secret"\n[stores.main.locations]', '"hidden-secret"\ncurrency = "USD"\n[stores.main.locations]'),
            "stores.main.currency: ",
        ),
        (("main-shop.myshopify.com", "shop.example.com"), "stores.main.shop: must be the shop's permanent address"),
        (("[shipstation]", "[shipstation]\nwindow = 3"), "shipstation.window: is not a known setting"),
        (
            ('api_key = "key"\n', ""),
            "shipstation.api_key: is missing. Set it in the file, or as SYNCD_SHIPSTATION__API_KEY.",
        ),
        (("[shipstation]", '[shipstation]\nwebhook_secret = "short"'), "shipstation.webhook_secret: must be 16 to 128"),
        (("[shipstation]", '[shipstation]\napi_secret_file = "x"'), "shipstation.api_secret: is set and"),
        (('"82734627" = 501', '"main" = 501'), "stores.main.locations.main: "),
    ],
    ids=[
        "store name",
        "no login",
        "no V2 key",
        "unknown API",
        "currency",
        "shop",
        "unknown key",
        "missing key",
        "weak secret",
        "secret twice",
        "location",
    ],
)
def test_a_problem_is_told_with_its_key_and_a_cure(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    assert change[0] in WHOLE
    problems = problems_of(tmp_path, WHOLE.replace(*change))
    assert [one for one in problems if one.startswith(sentence)], problems


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = WHOLE.replace('api_key = "key"\n', "").replace("main-shop.myshopify.com", "x")
    assert len(problems_of(tmp_path, text, {"SYNCD_DATABASE_URL": "x"})) == 3


def test_a_mistyped_environment_name_is_refused(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, WHOLE, {"SYNCD_SHIPSTATION__API_KEYS": "x"})
    assert problem.startswith("shipstation.api_keys: is not a known setting")


def test_two_stores_of_one_shop_are_refused(tmp_path: Path) -> None:
    second = WHOLE[WHOLE.index("[stores.main]") :].replace("stores.main", "stores.other")
    assert problems_of(tmp_path, WHOLE + second) == [
        "stores: two stores name the same shop; every shop is listed once."
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('on_hold = "stop"', "stores.main.on_hold: "),
        ("missing_weight = 0", 'stores.main.missing_weight: must be "send", "hold", or the grams'),
        ('catalog = "on"', 'stores.main.catalog: must be "off", "report"'),
        ('missing_weight = "heavy"', 'stores.main.missing_weight: must be "send", "hold", or the grams'),
        ("oldest_days = -1", "stores.main.oldest_days: "),
        ('fraud = {hold_on = "always"}', "stores.main.fraud.hold_on: "),
    ],
)
def test_a_policy_that_is_none_is_told(tmp_path: Path, line: str, sentence: str) -> None:
    [problem] = problems_of(tmp_path, WHOLE.replace('client_id = "client"', f'client_id = "client"\n{line}'))
    assert problem.startswith(sentence)


def test_a_weight_may_be_a_number_or_come_from_the_environment(tmp_path: Path) -> None:
    settings = read_settings(settings_file(tmp_path, WHOLE), {"SYNCD_STORES__MAIN__MISSING_WEIGHT": "250"})
    assert settings.stores["main"].missing_weight == 250


def test_two_shops_whose_order_numbers_would_meet_in_shipstation_are_refused(tmp_path: Path) -> None:
    second = WHOLE[WHOLE.index("[stores.main]") :].replace("main", "other")
    [problem] = problems_of(tmp_path, WHOLE + second)
    assert "main and other would bring the same order numbers into one ShipStation store" in problem
    apart = second.replace("[stores.other]", '[stores.other]\norder_prefix = "B"')
    assert len(read_settings(settings_file(tmp_path, WHOLE + apart), {}).stores) == 2


def test_carriers_and_mails_are_refused_with_a_cure(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, WHOLE + '[carriers.acme]\ncompany = "Acme"\nurl = "https://acme.example.com/"\n')
    assert problem == "carriers.acme.url: must be a web address with {number} where the tracking number goes."
    [problem] = problems_of(tmp_path, WHOLE + '[sync]\nnotify_customer = "scan"\n')
    assert problem.startswith('sync.notify_customer is "scan" and shipstation.v2_api_key is empty')
    [problem] = problems_of(tmp_path, WHOLE + '[sync]\nnotify_customer = "later"\n')
    assert problem.startswith("sync.notify_customer: ")
    url = "https://acme.example.com/{number}"
    settings = read_settings(settings_file(tmp_path, WHOLE + f'[carriers.acme]\ncompany = "Acme"\nurl = "{url}"\n'), {})
    assert settings.carriers["acme"].url == url
    assert settings.sync.notify_customer == "label"


SHELF = '[stores.main.stock."82734627"]\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("inventory_location = 701", "stores.main.stock needs shipstation.v2_api_key"),
        ("owner = 'shipstation'", "stores.main.stock.82734627: needs either inventory_location or inventory_warehouse"),
        ("inventory_location = 'shelf A'", "must be an id such as 701 or se-701"),
        ("inventory_warehouse = 601\nowner = 'shopify'", "needs an inventory_location"),
        (
            "inventory_location = 701\n[stores.main.stock.5]\ninventory_location = 'se-701'",
            "82734627 and 5 both name se-701",
        ),
    ],
)
def test_a_shelf_that_cannot_be_is_explained(tmp_path: Path, text: str, problem: str) -> None:
    (told,) = problems_of(tmp_path, f"{WHOLE}{SHELF}{text}\n")
    assert problem in told
    assert told.endswith(".")
    assert not told.startswith(":")


def test_orders_by_v2_need_a_warehouse_for_every_store(tmp_path: Path) -> None:
    text = WHOLE.replace('api_key = "key"', 'api_key = "key"\norders_api = "v2"\nv2_api_key = "hidden-secret"')
    assert read_settings(settings_file(tmp_path, text), {}).shipstation.orders_api == "v2"
    (problem,) = problems_of(tmp_path, text.replace('[stores.main.locations]\n"82734627" = 501\n', ""))
    assert "stores.main.locations: is empty" in problem


HELP_DESK = '[[outbound]]\nurl = "https://desk.example.com/hooks"\nsecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="\n'


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("whsec_MDEy", "MDEy", 'outbound.0.secret: must be "whsec_" and 24 to 64 bytes'),
        ("https://desk.example.com", "http://desk.example.com", "outbound.0: url must be a public https address"),
        ("desk.example.com", "10.0.0.7", "outbound.0: url must be a public https address"),
        ("desk.example.com", "localhost", "outbound.0: url must be a public https address"),
        ("https://desk.example.com", "desk.example.com", "outbound.0: url must be a web address"),
    ],
)
def test_a_help_desk_that_cannot_be_told_is_refused(tmp_path: Path, before: str, after: str, sentence: str) -> None:
    [problem] = problems_of(tmp_path, WHOLE + HELP_DESK.replace(before, after))
    assert problem.startswith(sentence)
    assert "MDEy" not in problem


def test_a_help_desk_may_have_its_secret_in_a_file_and_be_in_the_own_network(tmp_path: Path) -> None:
    secret = tmp_path / "desk"
    secret.write_text(HELP_DESK.split('"')[3])
    text = f'[[outbound]]\nurl = "http://10.0.0.7:8000/"\nsecret_file = "{secret}"\nallow_private = true\n'
    (one,) = read_settings(settings_file(tmp_path, WHOLE + text), {}).outbound
    assert one.secret.get_secret_value().startswith("whsec_")
    assert one.events == ("delivery", "exception", "parked", "shipped")
