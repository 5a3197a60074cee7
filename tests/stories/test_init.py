"""Stories of a merchant's first command: from nothing to settings that `doctor` accepts, against both vendors over HTTP."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.processes import SYNCD, sandbox

SECRETS = {
    "SYNCD_STORES__MAIN__CLIENT_SECRET": "sandbox-secret-main",
    "SYNCD_SHIPSTATION__API_KEY": "sandbox-key",
    "SYNCD_SHIPSTATION__API_SECRET": "sandbox-secret",
    "SYNCD_SHIPSTATION__V2_API_KEY": "sandbox-v2-key",
}
LOGIN = ("--shop", "main-shop", "--client-id", "sandbox-client")
CHOICES = ("--shipstation-store", "1001", "--warehouse", "Main Warehouse=Main", "--warehouse", "82734628=502")


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which the sandbox stands where the vendors are."""
    with sandbox(tmp_path_factory.mktemp("sandbox"), time_scale=60.0) as (address, _):
        yield {
            "SYNCD_SHIPSTATION__V1_URL": f"{address}/shipstation",
            "SYNCD_SHIPSTATION__V2_URL": f"{address}/shipstation",
            "SYNCD_STORES__MAIN__URL": f"{address}/shopify/main-shop.myshopify.com",
        }


def run(folder: Path, environ: dict[str, str], *words: str) -> tuple[int, str]:
    """Exit code and all that was said, without a terminal."""
    ended = subprocess.run(
        (*SYNCD, *words),
        cwd=folder,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return ended.returncode, ended.stdout


class Terminal:
    """A person before a terminal without a machine behind it: what is typed too early would be lost."""

    def __init__(self, folder: Path, environ: dict[str, str], *words: str) -> None:
        self._own, theirs = pty.openpty()
        env = {**os.environ, **environ}
        self._process = subprocess.Popen(
            (*SYNCD, *words), cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.shown = ""
        self._answered = 0

    def answer(self, question: str, typed: str) -> None:
        """Waits until it is asked."""
        while not re.search(f"{re.escape(question)}[^\n]*: $", self.shown[self._answered :]):
            assert self._more(), f"never asked {question!r}:\n{self.shown}"
        self._answered = len(self.shown)
        os.write(self._own, f"{typed}\n".encode())

    def end(self) -> int:
        while self._more():
            pass
        os.close(self._own)
        return self._process.wait(10)

    def _more(self) -> bool:
        if not select.select([self._own], [], [], 30.0)[0]:
            self._process.kill()
            return False
        try:
            self.shown += os.read(self._own, 65536).decode().replace("\r", "")
        except OSError:  # the program has ended
            return False
        return True


def test_options_alone_make_settings_that_doctor_accepts(tmp_path: Path, vendors: dict[str, str]) -> None:
    environ = vendors | SECRETS
    options = (*LOGIN, *CHOICES, "--stock", "Main Warehouse=Shelf A", "--public-url", "https://sync.example.com")
    code, said = run(tmp_path, environ, "init", *options)
    assert code == 0, said
    text = (tmp_path / "syncd.toml").read_text()
    written = tomllib.loads(text)
    assert written["stores"]["main"] == {
        "shop": "main-shop.myshopify.com",
        "client_id": "sandbox-client",
        "shipstation_store_id": 1001,
        "locations": {"82734627": 501, "82734628": 502},
        "stock": {"82734627": {"inventory_location": "701"}},
    }
    assert "82734627 = 501  # Main Warehouse = Main" in text
    assert not any(secret in text + said for secret in SECRETS.values())
    code, said = run(tmp_path, environ, "doctor")
    assert code == 0, said
    assert "ok    store main locations: 2 mapped" in said


def test_without_a_terminal_the_options_that_are_missing_are_named(tmp_path: Path, vendors: dict[str, str]) -> None:
    code, said = run(tmp_path, vendors, "init")
    assert (code, "Missing: --shop; --client-id." in said) == (2, True)
    code, said = run(tmp_path, vendors, "init", *LOGIN, "--secrets", "env")
    assert (code, "SYNCD_SHIPSTATION__API_KEY; SYNCD_SHIPSTATION__API_SECRET." in said) == (2, True)
    code, said = run(tmp_path, vendors | SECRETS, "init", *LOGIN)
    assert (code, '--warehouse "Main Warehouse=..."; --warehouse "Second Warehouse=..."' in said) == (2, True)
    assert not (tmp_path / "syncd.toml").exists()


def test_a_choice_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path, vendors: dict[str, str]) -> None:
    code, said = run(tmp_path, vendors | SECRETS, "init", *LOGIN, *CHOICES, "--warehouse", "Second Warehouse=Attic")
    assert code == 2
    assert "'Attic' is none of these: Main (501), Second (502)" in " ".join(said.split())


def test_settings_that_are_there_stay_unless_somebody_insists(tmp_path: Path, vendors: dict[str, str]) -> None:
    file = tmp_path / "syncd.toml"
    file.write_text("# mine\n")
    code, said = run(tmp_path, vendors | SECRETS, "init", *LOGIN, *CHOICES)
    assert (code, file.read_text()) == (2, "# mine\n")
    assert "overwrite it with --force" in said
    assert run(tmp_path, vendors | SECRETS, "init", *LOGIN, *CHOICES, "--force")[0] == 0
    assert tomllib.loads(file.read_text())["stores"]["main"]["shipstation_store_id"] == 1001


def test_a_login_that_is_refused_is_told_as_doctor_tells_it(tmp_path: Path, vendors: dict[str, str]) -> None:
    code, said = run(tmp_path, vendors | SECRETS | {"SYNCD_SHIPSTATION__API_SECRET": "wrong"}, "init", *LOGIN, *CHOICES)
    assert code == 1
    assert "fault shipstation login: ShipStation accepts none of our API keys" in said
    assert not (tmp_path / "syncd.toml").exists()


def test_a_conversation_asks_again_where_a_login_fails_and_shows_no_secret(
    tmp_path: Path, vendors: dict[str, str]
) -> None:
    person = Terminal(tmp_path, vendors, "init")
    person.answer("The shop's permanent address", "https://main-shop.myshopify.com/admin")
    person.answer("Client id", "sandbox-client")
    person.answer("Number", "1")
    person.answer("Client secret of the app", "sandbox-secret-main")
    person.answer("V1 API key", "sandbox-key")
    person.answer("V1 API secret", "mistyped-secret")
    person.answer("V2 API key", "sandbox-v2-key")
    person.answer("V1 API key", "")
    person.answer("V1 API secret", "sandbox-secret")
    person.answer("V2 API key", "")
    person.answer("Number", "2")
    person.answer("Number", "")
    person.answer("Number", "2")
    person.answer("Number", "1")
    person.answer("Number", "")
    person.answer("Where both vendors reach the daemon", "https://sync.example.com")
    assert person.end() == 0, person.shown
    assert "accepts none of our API keys" in person.shown
    text = (tmp_path / "syncd.toml").read_text()
    written = tomllib.loads(text)
    assert written["stores"]["main"]["locations"] == {"82734627": 501, "82734628": 502}
    assert written["stores"]["main"]["stock"] == {"82734627": {"inventory_location": "701"}}
    assert written["stores"]["main"]["shipstation_store_id"] == 1002
    typed = ("sandbox-secret", "sandbox-key", "sandbox-v2-key", "mistyped-secret")
    assert not any(secret in text + person.shown for secret in typed)
    files = {one.name: one for one in (tmp_path / "secrets").iterdir()}
    assert set(files) == {
        *("main_client_secret", "shipstation_api_key", "shipstation_api_secret"),
        *("shipstation_v2_api_key", "shipstation_webhook_secret"),
    }
    assert {one.stat().st_mode & 0o777 for one in files.values()} == {0o600}
    assert run(tmp_path, vendors, "doctor")[0] == 0
