"""URLFETCH of what is large, and of what is damaged."""

from pathlib import Path

from tests.conftest import Opener
from tests.listen.imap.house import Client, House, at_home

URL = b"imap://alice%40demo.test@host/INBOX/;UID=1/;SECTION=TEXT;URLAUTH=authuser"


async def authorized(client: Client) -> bytes:
    line = (await client.ok(b'GENURLAUTH "' + URL + b'" INTERNAL'))[0]
    assert line.startswith(b'* GENURLAUTH "')
    return line.removeprefix(b'* GENURLAUTH "').removesuffix(b'"\r\n')


def test_what_is_large_flows(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        body = b"0123456789abcdef\r\n" * 200_000
        await client.append(b"Subject: x\r\n\r\n" + body)
        url = await authorized(client)
        bob = await home.person("bob")
        await bob.say(b'u URLFETCH "%s" ("%s" BODY)\r\n' % (url, url))
        for head, end in ((b' "%s" {%d}\r\n', b""), (b' "%s" (BODY {%d}\r\n', b")")):
            start = b"* URLFETCH" if not end else b""
            told = start + head % (url, len(body))
            assert await bob.reader.readexactly(len(told)) == told
            assert await bob.reader.readexactly(len(body)) == body
            assert await bob.reader.readexactly(len(end)) == end
        assert await bob.line() == b"\r\n"
        assert (await bob.line()).startswith(b"u OK")

    at_home(data, main, database=database)


def test_what_is_damaged_is_nil(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(b"Subject: x\r\n\r\nbody\r\n")
        url = await authorized(client)
        await home.store.db.write(lambda tx: tx.execute("UPDATE blob SET head = :zero", zero=b"\0"))
        assert await client.ok(b'URLFETCH "%s"' % url) == [b'* URLFETCH "%s" NIL\r\n' % url]

    at_home(data, main, database=database)
