"""Strangers at port 25 of a whole server: what lists in the DNS hold against them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.dns import DnsServer
from tests.system.names import Names
from tests.system.wire import ALICE, Wire, running


@pytest.fixture
def names() -> Iterator[DnsServer]:
    zone = {("2.0.0.127.bl.test", "A"): ["127.0.0.2"]}
    thread = Names(DnsServer(zone))
    thread.start()
    assert thread.started.wait(60)
    yield thread.server
    thread.end()


def test_the_test_entry_of_a_list_is_refused_with_where_to_look(
    tmp_path: Path, names: DnsServer
) -> None:
    settings = (
        f'[dns]\nservers = ["{names.address}"]\n'
        '[[dnsbl]]\nzone = "bl.test"\nrefuse = true\nlink = "https://bl.test/{}"\n'
    )
    with running(tmp_path, settings=settings) as server:
        with Wire(server.ports["smtp"], source="127.0.0.2") as wire:
            assert wire.ask(b"EHLO client.test").startswith(b"250")
            assert wire.ask(b"MAIL FROM:<a@b.test>").startswith(b"250")
            assert wire.ask(b"RCPT TO:<" + ALICE.encode() + b">") == (
                b"550-5.7.1 127.0.0.2 is listed in bl.test\n550 5.7.1 See https://bl.test/127.0.0.2"
            )
        with Wire(server.ports["smtp"]) as wire:
            wire.ask(b"EHLO client.test")
            wire.ask(b"MAIL FROM:<a@b.test>")
            assert wire.ask(b"RCPT TO:<" + ALICE.encode() + b">").startswith(b"250")
    assert any("is listed in bl.test: 127.0.0.2" in line for line in server.log)
