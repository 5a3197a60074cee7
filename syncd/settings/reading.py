"""Settings: one TOML file, the environment over it, secrets also from files. All problems are told at once, values never.

`SYNCD_STORES__MAIN__CLIENT_SECRET` sets `stores.main.client_secret`; with `_FILE` at its end it names a file that holds it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import (
    ValidationError,
)

from mappings.rules import Rules
from mappings.rules_file import RulesError, rules_of, rules_of_file
from syncd.errors import SettingsError
from syncd.settings.groups import Database
from syncd.settings.whole import Settings

PREFIX = "SYNCD_"


NOT_SETTINGS = ("SYNCD_CONFIG", "SYNCD_SHARED", "SYNCD_TEST_")


EXAMPLES = {
    "shipstation": "Add the table [shipstation] with api_key and api_secret, or set SYNCD_SHIPSTATION__API_KEY and __API_SECRET.",
    "stores": "Add a table such as [stores.main] with shop, client_id and client_secret.",
}
"""What to write for a table that is not there at all."""


def read_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Raises `SettingsError` with every problem. A path that was not asked for (None) need not exist."""
    problems: list[str] = []
    values = _file_values(path, problems)
    if problems:  # what the file would have said is not missing
        raise SettingsError(problems)
    return settings_of_values(values, path, environ)


def settings_of_values(values: dict[str, Any], path: Path | None, environ: Mapping[str, str]) -> Settings:
    """As `read_settings`, of what would be read from the file. `values` are used up."""
    problems: list[str] = []
    _lay_environment_over(values, environ, problems)
    _read_rules(path, values, problems)
    _read_secret_files(values, "", problems)
    if not values:
        raise SettingsError(
            ["there is no syncd.toml here and nothing in the environment. Name the file with --config."]
        )
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_sentence(item["loc"], item["type"], item["msg"]) for item in error.errors()]
    if problems:
        raise SettingsError(problems)
    return settings


def database_url(path: Path | None, environ: Mapping[str, str]) -> str:
    """Only the database, for commands that need nothing else."""
    problems: list[str] = []
    values = _file_values(path, problems)
    _lay_environment_over(values, environ, problems)
    if problems:
        raise SettingsError(problems)
    return Database.model_validate(values.get("database", {})).url


def _file_values(path: Path | None, problems: list[str]) -> dict[str, Any]:
    source = path or Path("syncd.toml")
    if path is None and not source.exists():
        return {}
    try:
        return tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"{source}: cannot be read ({error.strerror}). Name the file with --config or SYNCD_CONFIG.")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{source}: is not valid TOML: {error}")
    return {}


def _read_rules(path: Path | None, values: dict[str, Any], problems: list[str]) -> None:
    """Puts what the rules mean in the place of their text."""
    settings, source = values.get("rules_settings"), path or Path("syncd.toml")
    if not settings and "rules" not in values:
        return
    file = settings.get("file") if isinstance(settings, dict) else None
    listed = values.pop("rules", [])
    try:
        if file and listed:
            problems.append(f"{source}: has [[rules]], and rules_settings.file names {file}. Keep them in one place.")
        elif file:
            values["rules"] = read_rules(source.parent / str(file))
        else:
            text = source.read_text(encoding="utf-8") if source.exists() else ""
            exact = tomllib.loads(text, parse_float=Decimal).get("rules", listed)
            values["rules"] = rules_of({"rules": exact, "rules_settings": settings or {}}, text, str(source))
    except RulesError as error:
        problems += error.problems


def read_rules(file: Path) -> Rules:
    """A file that holds nothing but rules. Raises `RulesError`."""
    try:
        return rules_of_file(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RulesError([f"{file}: cannot be read ({reason})."]) from error


def _lay_environment_over(values: dict[str, Any], environ: Mapping[str, str], problems: list[str]) -> None:
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name.startswith(NOT_SETTINGS):
            continue
        path = name.removeprefix(PREFIX).lower().split("__")
        if len(path) < 2:
            problems.append(
                f"{name}: is not a setting. Groups and keys are joined by two underscores: SYNCD_DATABASE__URL."
            )
            continue
        target = values
        for part in path[:-1]:
            target = target.setdefault(part, {})
        target[path[-1]] = text


def _read_secret_files(values: dict[str, Any], at: str, problems: list[str]) -> None:
    """`x_file` beside or instead of a secret `x` names the file that holds it."""
    for key, value in list(values.items()):
        where = f"{at}{key}"
        if isinstance(value, dict):
            _read_secret_files(value, f"{where}.", problems)
        elif isinstance(value, list):
            for place, one in enumerate(value):
                if isinstance(one, dict):
                    _read_secret_files(one, f"{where}.{place}.", problems)
        elif key.endswith("_file"):
            del values[key]
            secret = key.removesuffix("_file")
            if values.get(secret):
                problems.append(f"{at}{secret}: is set and {where} too. Keep one of them.")
                continue
            try:
                values[secret] = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                problems.append(f"{where}: the file cannot be read. Check its path and permissions.")


def environment_name(path: Iterable[int | str]) -> str:
    return PREFIX + "__".join(str(part) for part in path).upper()


def _sentence(path: tuple[int | str, ...], kind: str, reason: str) -> str:
    key = ".".join(str(part) for part in path if part != "[key]")
    name = environment_name(path)
    if kind == "missing" and key in EXAMPLES:
        return f"{key}: is missing. {EXAMPLES[key]}"
    if kind == "missing":
        return f"{key}: is missing. Set it in the file, or as {name}."
    if kind == "extra_forbidden":
        return f"{key}: is not a known setting. Check the spelling, or remove it."
    reason = reason.removeprefix("Value error, ")
    return f"{key}: {reason}." if key else f"{reason}."
