"""Who loses a place at the port, and who may be wrong how often."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest

from syncd.intake.gate import Allowance, Bounds, Gate, Guarded


class Transport(asyncio.Transport):
    def __init__(self, peer: str) -> None:
        super().__init__({"peername": (peer, 5000)})
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


class World:
    def __init__(self, **bounds: Any) -> None:
        self.now = 0.0
        self.gate = Gate(
            Bounds(**{"connections": 4, "connections_per_peer": 2, "request_s": 5.0} | bounds), lambda: self.now
        )
        self._protocol = self.gate.guarded(asyncio.Protocol)

    def connect(self, peer: str) -> tuple[Guarded, Transport]:
        self.now += 1.0
        conn, transport = self._protocol(), Transport(peer)
        conn.connection_made(transport)
        return conn, transport


def test_the_place_of_whoever_waits_longest_goes_to_the_next() -> None:
    world = World()
    transports = [world.connect(f"10.0.0.{n}")[1] for n in range(6)]
    assert [one.is_aborted for one in transports] == [True, True, False, False, False, False]


def test_a_request_that_is_whole_is_never_cut_off_for_another() -> None:
    world = World()
    conns = [world.connect(f"10.0.0.{n}") for n in range(4)]
    for conn, transport in conns:
        conn.data_received(b"all of it")
        world.gate.whole(transport)
    _, late = world.connect("10.0.0.9")
    assert [one.is_aborted for _, one in conns] == [False] * 4
    assert late.is_aborted


def test_one_peer_has_so_many_places_and_a_proxy_of_ours_more() -> None:
    world = World(trusted=(ip_network("10.1.0.0/16"),))
    strangers = [world.connect("10.0.0.1")[1] for _ in range(3)]
    assert [one.is_aborted for one in strangers] == [True, False, False]
    world = World(trusted=(ip_network("10.1.0.0/16"),))
    assert [world.connect("10.1.0.1")[1].is_aborted for _ in range(4)] == [False] * 4


def test_a_connection_that_was_answered_may_wait_for_its_next_request() -> None:
    world = World()
    conn, transport = world.connect("10.0.0.1")
    for _ in range(3):
        conn.data_received(b"all of it")
        world.gate.whole(transport)
        world.gate.answered(transport)
        world.now += 100.0
        assert world.gate._overdue() == []
    conn.data_received(b"a part")
    world.now += 6.0
    assert world.gate._overdue() == [conn]


@pytest.mark.parametrize(
    ("peer", "forwarded", "neighbour", "stranger"),
    [
        pytest.param("1.2.3.4", "", ("1.2.3.99", ""), ("1.2.4.4", ""), id="the same /24"),
        pytest.param("2001:db8::1", "", ("2001:db8::ffff", ""), ("2001:db8:0:1::1", ""), id="the same /64"),
        pytest.param("10.1.0.1", "x, 1.2.3.4", ("1.2.3.5", ""), ("10.1.0.1", "1.2.4.4"), id="behind a proxy of ours"),
        pytest.param("9.9.9.9", "1.2.3.4", ("9.9.9.9", "7.7.7.7"), ("1.2.3.4", ""), id="who pretends to be a proxy"),
    ],
)
def test_mistakes_are_counted_for_each_network(
    peer: str, forwarded: str, neighbour: tuple[str, str], stranger: tuple[str, str]
) -> None:
    gate = World(trusted=(ip_network("10.1.0.0/16"),)).gate
    assert [gate.is_too_often_wrong(peer, forwarded) for _ in range(100)] == [False] * 100
    assert gate.is_too_often_wrong(*neighbour)
    assert not gate.is_too_often_wrong(*stranger)


def test_an_allowance_comes_back_with_time_and_remembers_a_bounded_number() -> None:
    allowance = Allowance(per_s=1.0, at_once=2.0)
    assert [allowance.takes("a", 0.0) for _ in range(3)] == [True, True, False]
    assert [allowance.takes("a", 1.5) for _ in range(2)] == [True, False]
    for number in range(10_000):
        allowance.takes(str(number), 2.0)
    assert len(allowance._left) <= 4096
