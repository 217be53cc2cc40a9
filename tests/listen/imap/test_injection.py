"""What stands in letters and names never becomes a response of its own (threat I4)."""

import asyncio
import random
from pathlib import Path

import imapclient  # type: ignore[import-untyped]

from tests.listen.imap.house import House, at_home

PIECES = [
    b"\r\n* 1 EXPUNGE",
    b"\r\n\t* OK [ALERT] x",
    b'"',
    b"\\",
    b"{5}\r\n ",
    b"{5+}",
    b"(",
    b")",
    b" NIL ",
    b"\xff\xfe",
    b"\x00",
    b"\r",
    b"\n",
    b"=?utf-8?q?=0D=0A=22?=",
    b"<a@b>",
    b"group: x@y;",
    b",",
    b"text",
    b'; name*0="a',
    b"\x7f\x01",
]
FIELDS = [
    b"Subject",
    b"From",
    b"To",
    b"Message-ID",
    b"In-Reply-To",
    b"Date",
    b"Content-Type: text/plain; charset",
    b"Content-Type: multipart/mixed; boundary=x",
    b"Content-ID",
    b"Content-Disposition: attachment; filename",
    b"Content-Language",
    b"Content-Description",
]


def letters(number: int) -> list[bytes]:
    chance = random.Random(5)
    made = []
    for _ in range(number):
        head = b"".join(
            field
            + (b"=" if b":" in field else b": ")
            + b"".join(chance.choices(PIECES, k=4))
            + b"\r\n"
            for field in chance.choices(FIELDS, k=5)
        )
        made.append(head.replace(b"\x00", b"0") + b"\r\n--x\r\n" + head[:50].replace(b"\x00", b"0"))
    return made


def look(port: int, number: int) -> None:
    with imapclient.IMAPClient("127.0.0.1", port, ssl=False) as client:
        client.login("alice@demo.test", "secret")
        for letter in letters(number):
            client.append("INBOX", letter)
        assert client.select_folder("INBOX")[b"EXISTS"] == number
        wanted = [b"ENVELOPE", b"BODYSTRUCTURE", b"BODY", b"RFC822.SIZE", b"FLAGS"]
        found = client.fetch(list(range(1, number + 1)), wanted)
        assert sorted(found) == list(range(1, number + 1))
        for facts in found.values():
            assert set(facts) == {b"SEQ", *wanted}
        whole = client.fetch(
            list(range(1, number + 1)), [b"BODY.PEEK[]", b"BODY.PEEK[HEADER]", b"BODY.PEEK[1]"]
        )
        for uid, facts in whole.items():
            assert len(facts[b"BODY[]"]) == found[uid][b"RFC822.SIZE"]
            assert facts[b"BODY[]"].startswith(facts[b"BODY[HEADER]"])


def test_an_independent_client_reads_hostile_letters(data: Path) -> None:
    async def main(home: House) -> None:
        await asyncio.to_thread(look, home.port, 60)

    at_home(data, main)


def test_names_of_any_letters_come_back(data: Path) -> None:
    def session(port: int) -> None:
        with imapclient.IMAPClient("127.0.0.1", port, ssl=False) as client:
            client.login("bob@demo.test", "secret")
            before = {name for _, _, name in client.list_folders()}
            names = ['a"b', "a b", "R&D", "Ünï/côdé", "日本語", "{5}", "(x)", "a\\b", "~x", "a]b"]
            made = []
            for name in names:
                try:
                    client.create_folder(name)
                except imapclient.exceptions.IMAPClientError:
                    continue  # a name that the store does not take
                made.append(name)
            found = {name for _, _, name in client.list_folders()}
            assert {"R&D", "日本語", "a b", 'a"b'} <= set(made)
            assert found - before - {"Ünï"} == set(made)
            for name in made:
                assert client.folder_status(name, ["MESSAGES"]) == {b"MESSAGES": 0}

    async def main(home: House) -> None:
        await asyncio.to_thread(session, home.port)

    at_home(data, main)
