"""Addresses that pretend to be ShipStation's: user names, encodings, other spellings of hosts and numbers, other schemes, redirects."""

from __future__ import annotations

from itertools import product
from random import Random
from urllib.parse import quote

TRUE_HOSTS = ("ssapi.shipstation.com", "ssapi11.shipstation.com", "api.shipstation.com", "SSAPI.SHIPSTATION.COM")
PATH = "/shipments?storeID=1&batchId=2&includeShipmentItems=False"
SCHEMES = ("https", "http", "HTTPS", "ftp", "file", "gopher", "javascript", "")
INSIDE = (
    "127.0.0.1",
    "localhost",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "169.254.169.254",
    "[fd00::1]",
    "10.0.0.1",
    "100.64.0.1",
    "metadata.google.internal",
)


def attacks(count: int, canary: str, seed: int) -> list[str]:
    """At least `count` addresses, all of them written ones and then mutations of them; `canary` is where a victim would call."""
    rng = Random(f"{seed} urls")
    urls = list(dict.fromkeys([*_written(canary)]))
    while len(urls) < count:
        urls.append(_mutated(rng.choice(urls[:200]), rng))
    return urls


def _written(canary: str) -> list[str]:
    host, _, port = canary.partition(":")
    urls = [f"{scheme}://{place}{PATH}" for scheme, place in product(SCHEMES, (canary, *INSIDE))]
    for true in TRUE_HOSTS:
        urls += [
            f"http://{true}@{canary}{PATH}",
            f"http://{true}:443@{canary}{PATH}",
            f"http://{true}%40{canary}{PATH}",
            f"http://{true}\\@{canary}{PATH}",
            f"http://{canary}\\@{true}{PATH}",
            f"http://{canary}#@{true}{PATH}",
            f"http://{canary}?@{true}{PATH}",
            f"http://{canary}/{true}{PATH}",
            f"http://{true}.{host}.nip.io:{port}{PATH}",
            f"http://{true}%2e{host}:{port}{PATH}",
            f"http://{true}.:{port}{PATH}",
            f"http://{true}:{port}{PATH}",
            f"http://{true.replace('.', chr(0xFF0E))}:{port}{PATH}",
            f"http://{true.replace('s', chr(0x455), 1)}{PATH}",
            f"//{canary}{PATH}",
            f"http:/{canary}{PATH}",
            f"http:{canary}{PATH}",
            f"http:\\\\{canary}{PATH}",
            f"http://\t{canary}{PATH}",
            f"http://{host}\n:{port}{PATH}",
            f" http://{canary}{PATH}",
            f"https://{true}{PATH}\r\nHost: {canary}",
            f"https://{true}/redirect?to=http://{canary}/",
            f"https://{true}/../../{canary}",
            f"https://{true}{PATH}&x=" + quote(f"http://{canary}"),
            f"https://{true}{PATH}?{canary}",
            "https://" + true + "/" + "a" * 5_000,
        ]
    return urls


def _mutated(url: str, rng: Random) -> str:
    place = rng.randrange(len(url))
    match rng.randrange(5):
        case 0:
            return url[:place] + rng.choice("@#?/\\:%.\t\r\n\x00 ") + url[place:]
        case 1:
            return url[:place] + quote(url[place], safe="") + url[place + 1 :]
        case 2:
            return url[:place] + url[place].swapcase() + url[place + 1 :]
        case 3:
            return url[:place] + url[place + 1 :]
        case _:
            return url + rng.choice(("#", "?", "/..", "%00", "\u202e"))
