"""The demo: sandbox and daemon as the two processes that they are, a burst of orders, packages, and an account at the end."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncd.sandbox.account import Account, account_text, draw_account

SHOPS = ("main-shop.myshopify.com", "outlet-shop.myshopify.com")
LIMIT = 40
PATIENCE_S = 240.0
CANCELLED_SHARE = 0.03
SYNCD = (sys.executable, "-m", "syncd")


@dataclass(frozen=True)
class DemoWishes:
    orders: int
    seed: int
    keep: bool
    no_webhooks: bool
    shuffle: bool
    kills: int
    bodies: tuple[Path, ...]
    database: str
    log: Path | None
    is_json: bool


def run_demo(wishes: DemoWishes) -> int:
    """0 when the account is clean, 1 when it is not."""
    with tempfile.TemporaryDirectory(prefix="syncd-demo-") as folder:
        demo = Demo(wishes, Path(folder))
        try:
            account = demo.run()
            demo.show(account)
            if wishes.keep:
                demo.wait_for_interrupt()
        finally:
            demo.stop()
    return 0 if account.is_clean and account.refused_429 == 0 else 1


class Demo:
    """Drives the two processes and talks to them only through their ports."""

    def __init__(self, wishes: DemoWishes, folder: Path) -> None:
        self._wishes = wishes
        self._folder = folder
        self._config = folder / "syncd.toml"
        self._log = wishes.log or folder / "daemon.log"
        self._port = _free_port()
        self._env = self._environment()
        self._began = time.monotonic()
        self._rng = random.Random(wishes.seed)
        self._kills_left = wishes.kills // 2
        self._next_kill_s = 0.0
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._address = ""

    def run(self) -> Account:
        self._start_sandbox()
        self._start_daemon()
        self._sell()
        self._until(
            "every order has its place", lambda account: not (account.missing or account.doubled or account.unexplained)
        )
        self._cancel_some()
        self._until(
            "the cancelled ones are cancelled there too", lambda account: not (account.doubled or account.unexplained)
        )
        self._kills_left = self._wishes.kills - self._wishes.kills // 2
        shipped = self._shipstation("ship_all", {})
        self._say(f"the warehouse bought {len(shipped)} labels")
        return self._until(
            "every package is in Shopify",
            lambda account: account.is_clean and account.packages > 0 and not self._kills_left,
        )

    def show(self, account: Account) -> None:
        self._say(f"done in {time.monotonic() - self._began:.0f} s")
        if self._wishes.is_json:
            print(json.dumps(vars(account) | {"is_clean": account.is_clean}))
        else:
            print(account_text(account, LIMIT))

    def wait_for_interrupt(self) -> None:
        print(
            f"Both go on running until Ctrl-C.\n  status    http://127.0.0.1:{self._port}/status.json\n  sandbox   {self._address}"
        )
        print(f"  commands  syncd --config {self._config} status\n  log       {self._log}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print()

    def stop(self) -> None:
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()

    # The two processes

    def _environment(self) -> dict[str, str]:
        env = {key: value for key, value in os.environ.items() if not key.startswith("SYNCD_")}
        env |= {
            "SYNCD_SERVER__PORT": str(self._port),
            "SYNCD_SYNC__ORDER_POLL_S": "10",
            "SYNCD_SYNC__SHIPMENT_POLL_S": "15",
        }
        if (
            self._wishes.kills
        ):  # what a dead process left is taken over after its lease, and looked for after twice the limit
            env |= {"SYNCD_LIMITS__LEASE_S": "10", "SYNCD_LIMITS__WRITE_TIMEOUT_S": "3"}
        if self._wishes.database:
            env["SYNCD_DATABASE__URL"] = self._wishes.database
        return env

    def _start_sandbox(self) -> None:
        public_url = "" if self._wishes.no_webhooks else f"http://127.0.0.1:{self._port}"
        bodies = [part for body in self._wishes.bodies for part in ("--orders", str(body))]
        self._start(
            "sandbox",
            "sandbox",
            "--port",
            "0",
            "--write-config",
            str(self._config),
            "--public-url",
            public_url,
            *bodies,
        )
        log = self._folder / "sandbox.log"
        self._wait(lambda: "ready at " in log.read_text(), "the sandbox")
        self._address = log.read_text().partition("ready at ")[2].split()[0]
        if self._wishes.shuffle:
            webhooks = {"doubled": 0.3, "lost": 0.1, "shuffled": True}
            for shop in SHOPS:
                self._shopify("options", {"shop": shop, "changes": {"webhooks": webhooks}})
        self._say(f"sandbox at {self._address}: two shops and a ShipStation account with {LIMIT} calls a minute")

    def _start_daemon(self) -> None:
        if self._wishes.database:
            subprocess.run(
                [*SYNCD, "--config", str(self._config), "migrate"], check=True, env=self._env, stdout=subprocess.DEVNULL
            )
        began = time.monotonic()
        self._start("daemon", "--config", str(self._config), "run")
        self._wait(self._is_ready, "the daemon")
        self._say(f"daemon ready after {time.monotonic() - began:.1f} s, its log is JSON lines")

    def _start(self, name: str, *arguments: str) -> None:
        path = self._log if name == "daemon" else self._folder / f"{name}.log"
        with path.open("ab") as log:
            self._processes[name] = subprocess.Popen([*SYNCD, *arguments], stdout=log, stderr=log, env=self._env)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _wait(self, is_so: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + 30
        while not is_so():
            if time.monotonic() > until or any(process.poll() is not None for process in self._processes.values()):
                raise SystemExit(
                    f"{what} did not start:\n"
                    + "".join(path.read_text()[-2000:] for path in self._folder.glob("*.log"))
                )
            time.sleep(0.05)

    # Customers, merchant and warehouse

    def _sell(self) -> None:
        first = self._wishes.orders * 2 // 3
        for shop, count in zip(SHOPS, (first, self._wishes.orders - first), strict=True):
            self._shopify("sell", {"shop": shop, "count": count, "seed": self._wishes.seed, "over_s": 2.0})
        self._say(
            f"customers buy {self._wishes.orders} orders in two shops within 2 s, some unpaid, digital, to be picked up or cancelled"
        )

    def _cancel_some(self) -> None:
        """Paid orders that lie in ShipStation without a label."""
        for shop, state in self._states()[0]["shops"].items():
            open_orders = [order["id"] for order in state["orders"] if _is_cancellable(order)]
            for order_id in self._rng.sample(open_orders, round(len(open_orders) * CANCELLED_SHARE)):
                self._shopify("cancel", {"shop": shop, "order": order_id})
        self._say("customers cancel some of them")

    # Looking

    def _until(self, what: str, is_so: Callable[[Account], bool]) -> Account:
        """Looks once a second, kills on the way if wished, and gives up with the account as it is."""
        until = time.monotonic() + PATIENCE_S
        while True:
            self._kill_when_due()
            time.sleep(1.0)
            account = self._account() if self._is_quiet() else None
            if account and is_so(account):
                self._say(what)
                return account
            if time.monotonic() > until:
                self._say(f"given up after {PATIENCE_S:.0f} s: {what}")
                return self._account()

    def _is_quiet(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/status.json", timeout=5) as answer:
                status = json.load(answer)
        except OSError:
            return False
        waiting = {flow: one["due"] + one["under_way"] for flow, one in status["waiting"].items()}
        orders = ", ".join(f"{state} {count}" for state, count in status["orders"].items() if count)
        self._say(
            f"{orders or 'no orders yet'}; to look at: {waiting['orders']} orders, {waiting['shipments']} with packages"
        )
        return not any(waiting.values()) and not status["webhooks_unread"]

    def _kill_when_due(self) -> None:
        if not self._kills_left or time.monotonic() - self._began < self._next_kill_s or not self._is_ready():
            return
        self._kills_left -= 1
        self._processes["daemon"].kill()
        self._processes["daemon"].wait()
        self._say(f"killed the daemon (SIGKILL), {self._kills_left} to go")
        self._start("daemon", "--config", str(self._config), "run")
        self._next_kill_s = time.monotonic() - self._began + 1.0 + 3.0 * self._rng.random()

    def _account(self) -> Account:
        listed = subprocess.run(
            [*SYNCD, "--config", str(self._config), "status", "--orders", "--json"],
            check=True,
            env=self._env,
            stdout=subprocess.PIPE,
        )
        return draw_account(*self._states(), json.loads(listed.stdout))

    def _states(self) -> tuple[Any, Any]:
        return self._shopify("state", {}), self._shipstation("state", {})

    def _shopify(self, action: str, arguments: dict[str, Any]) -> Any:
        return _post(f"{self._address}/shopify/_control/{action}", arguments)

    def _shipstation(self, action: str, arguments: dict[str, Any]) -> Any:
        return _post(f"{self._address}/shipstation/_control/{action}", arguments)

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:5.1f} s  {text}", file=sys.stderr, flush=True)


def _is_cancellable(order: dict[str, Any]) -> bool:
    is_untouched = not any(line["fulfilled"] for line in order["lines"])
    return order["financialStatus"] == "PAID" and not order["cancelledAt"] and is_untouched


def _post(url: str, arguments: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(arguments).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"the sandbox refuses {url.rpartition('/')[2]}: {error.read().decode()}") from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
