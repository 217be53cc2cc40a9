"""LIST and LSUB through the door."""

import time
from pathlib import Path

import imapclient  # type: ignore[import-untyped]
from hypothesis import given, settings, strategies as st
from imapclient.response_parser import parse_response  # type: ignore[import-untyped]

from postroom.protocol.imap.names import decode_name, encode_name
from postroom.protocol.imap.responses import list_line
from tests.conftest import Opener
from tests.listen.imap.house import House, at_home


def test_hostile_patterns_are_quick(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        for number in range(30):
            await client.ok(b"CREATE %s/%d" % (b"a" * 100, number))
        start = time.process_time()
        assert await client.ok(b'LIST "" "' + b"*a%" * 300 + b'z"') == []
        assert time.process_time() - start < 1

    at_home(data, main, database=database)


def test_subscriptions_outlive_their_mailboxes(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.ok(b"CREATE x")
        await client.ok(b"SUBSCRIBE x")
        await client.ok(b"DELETE x")
        assert await client.ok(b'LSUB "" x') == [b'* LSUB () "/" "x"\r\n']
        assert await client.ok(b'LIST "" x') == []
        assert await client.ok(b'LIST (SUBSCRIBED) "" (x INBOX)') == [
            b'* LIST (\\HasNoChildren \\Subscribed) "/" "INBOX"\r\n',
            b'* LIST (\\NonExistent \\Subscribed) "/" "x"\r\n',
        ]

    at_home(data, main, database=database)


def test_the_root_of_a_reference(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        assert await client.ok(b'LIST a/b ""') == [b'* LIST (\\Noselect) "/" "a/"\r\n']

    at_home(data, main, database=database)


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40))
def test_an_independent_client_reads_any_name(name: str) -> None:
    line = list_line(b"LIST", [b"\\HasNoChildren"], name)
    found = parse_response([line[len(b"* LIST ") : -2]])
    assert found[:2] == ((b"\\HasNoChildren",), b"/")
    octets = found[2] if isinstance(found[2], bytes) else str(found[2]).encode()
    assert octets == encode_name(name)
    if decode_name(octets) == name:  # INBOX in any case is one name
        assert imapclient.imap_utf7.decode(octets) == name
