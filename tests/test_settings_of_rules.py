"""Rules in the settings file or in one of their own: both are read the same way and fail with the right line."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from syncd.errors import SettingsError
from syncd.settings.reading import read_settings
from syncd.settings.whole import Settings
from syncd.wiring import profiles

SHOP = """[shipstation]
api_key = "key"
api_secret = "secret"
[stores.main]
shop = "main-shop.myshopify.com"
access_token = "token"
[stores.second]
shop = "second-shop.myshopify.com"
order_prefix = "S"
access_token = "token"
"""
RULES = """[rules_settings]
mode = "first"
[[rules]]
name = "heavy"
when = { weight_over = 2.5 }
then = { tags = 1 }
"""


def read(folder: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    path = folder / "syncd.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path, environ or {})


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(folder, text)
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_rules_in_the_settings_file_are_the_rules_of_every_store(tmp_path: Path) -> None:
    settings = read(tmp_path, SHOP + RULES)
    assert settings.rules.mode == "first"
    assert settings.rules.rules[0].when == {"weight_over": Decimal("2.5")}
    known = profiles(settings, datetime(2026, 11, 20, tzinfo=UTC))
    assert known["main"].rules == known["second"].rules == settings.rules


def test_rules_may_stand_in_a_file_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    assert read(tmp_path, SHOP + '[rules_settings]\nfile = "rules.toml"\n').rules.rules[0].name == "heavy"
    assert read(tmp_path, SHOP, {"SYNCD_RULES_SETTINGS__FILE": "rules.toml"}).rules.rules[0].name == "heavy"


def test_without_rules_there_are_none(tmp_path: Path) -> None:
    assert read(tmp_path, SHOP).rules.rules == ()


def test_a_mistake_is_told_with_its_line_in_whichever_file_it_stands(tmp_path: Path) -> None:
    wrong = RULES.replace("weight_over", "wieght_over")
    (tmp_path / "rules.toml").write_text(wrong, encoding="utf-8")
    sentence = "wieght_over is not a known condition; did you mean weight_over?"
    assert problems(tmp_path, SHOP + wrong) == [f"syncd.toml line 15: {sentence}"]
    assert problems(tmp_path, SHOP + '[rules_settings]\nfile = "rules.toml"\n') == [f"rules.toml line 5: {sentence}"]


def test_mistakes_in_rules_are_told_beside_all_others(tmp_path: Path) -> None:
    found = problems(tmp_path, SHOP.replace("access_token", "acess_token", 1) + RULES.replace("mode", "mood"))
    assert len(found) == 3
    assert found[0].startswith('syncd.toml: [rules_settings] needs mode = "first"')
    assert "rules_settings.mood: is not a known setting. Check the spelling, or remove it." in found


def test_rules_in_two_places_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    both = SHOP + RULES.replace('mode = "first"', 'file = "rules.toml"')
    assert problems(tmp_path, both) == [
        "syncd.toml: has [[rules]], and rules_settings.file names rules.toml. Keep them in one place."
    ]


def test_a_missing_file_of_rules_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path, SHOP + '[rules_settings]\nfile = "rules.toml"\n') == [
        "rules.toml: cannot be read (No such file or directory)."
    ]
