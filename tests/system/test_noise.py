"""Seeded noise at every door, in every state: an answer or an end, never a fault (G7, S8).

``running`` looks for faults in the log when the server has ended. POSTROOM_NOISE is how many
sessions each door gets.
"""

import os
import random
import socket
from collections.abc import Iterator, Sequence

import pytest

from rig.server import Server
from tests.system.wire import ALICE, BOB, PASSWORDS, Wire, plain, resident, running

SESSIONS = int(os.environ.get("POSTROOM_NOISE", "40"))
MIB = 1024  # in KiB

SMTP = [
    b"EHLO c.test",
    b"HELO c.test",
    b"LHLO c.test",
    b"MAIL FROM:<>",
    b"MAIL FROM:<alice@rig.test> SIZE=100 BODY=8BITMIME",
    b"MAIL FROM:<\xc3\xa4@x.test> SMTPUTF8",
    b"RCPT TO:<alice@rig.test>",
    b"RCPT TO:<alice@rig.test> NOTIFY=NEVER ORCPT=rfc822;a+2Bb@x.test",
    b"RCPT TO:<v@other.test>",
    b"RCPT TO:<Postmaster>",
    b"DATA",
    b".",
    b"..x",
    b"Subject: noise",
    b"",
    b"BDAT 4\r\nab\r\n",
    b"BDAT 4 LAST\r\nab\r\n",
    b"BDAT 0 LAST",
    b"RSET",
    b"NOOP x",
    b"HELP RCPT",
    b"VRFY alice",
    b"EXPN <team@rig.test>",
    b"VERB ON",
    b"AUTH PLAIN",
    b"AUTH PLAIN " + plain(ALICE, PASSWORDS[ALICE]),
    b"AUTH LOGIN",
    b"AUTH SCRAM-SHA-256 biwsbj1hbGljZUByaWcudGVzdCxyPWFiYw==",
    b"*",
    b"QUIT",
]
IMAP = [
    b"a NOOP",
    b'b LOGIN "alice@rig.test" "canary-Alice-7Qx"',
    b"b LOGIN alice@rig.test {16+}\r\ncanary-Alice-7Qx",
    b"c SELECT INBOX",
    b"c EXAMINE INBOX",
    b"d FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[1]<0.10> BODYSTRUCTURE)",
    b"d FETCH 1 BODY[HEADER.FIELDS.NOT (SUBJECT)]",
    b"e UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE RFC822.HEADER)",
    b"f STORE 1:* +FLAGS (\\Deleted work)",
    b"f UID STORE 1:* -FLAGS.SILENT (\\Deleted)",
    b"g EXPUNGE",
    b"g UID EXPUNGE 1:*",
    b"h COPY 1:* Drafts",
    b"h UID MOVE 1 Archive",
    b"i SEARCH OR (SUBJECT a) NOT BEFORE 1-Jan-2020 UID 1:5",
    b"i UID SEARCH RETURN (MIN MAX COUNT ALL) TEXT {1+}\r\na",
    b"j APPEND INBOX (\\Seen) {4+}\r\nab\r\n",
    b'j APPEND INBOX "01-Jan-2020 00:00:00 +0000" {2}\r\nab',
    b'k LIST "" ("*" "%") RETURN (STATUS (MESSAGES))',
    b'k LIST "" "*"',
    b'k LSUB "" %',
    b"l CREATE a/b/c",
    b"l DELETE a/b",
    b"l RENAME a/b/c x",
    b"l RENAME INBOX old",
    b"m SUBSCRIBE x",
    b"n STATUS INBOX (MESSAGES UIDNEXT UNSEEN)",
    b"o IDLE\r\nDONE",
    b"p CLOSE",
    b"p UNSELECT",
    b"q AUTHENTICATE PLAIN " + plain(BOB, PASSWORDS[BOB]),
    b"q AUTHENTICATE SCRAM-SHA-256\r\n*",
    b"r CAPABILITY",
    b"s NAMESPACE",
    b't ID ("name" "x")',
    b"u ENABLE CONDSTORE",
    b"v LOGOUT",
]
POP3 = [
    b"CAPA",
    b"USER bob@rig.test",
    b"PASS canary-Bob-9Zw",
    b"AUTH PLAIN " + plain(BOB, PASSWORDS[BOB]),
    b"AUTH SCRAM-SHA-256",
    b"*",
    b"STAT",
    b"LIST",
    b"LIST 1",
    b"UIDL",
    b"UIDL 1",
    b"RETR 1",
    b"TOP 1 0",
    b"DELE 1",
    b"RSET",
    b"NOOP",
    b"STLS",
    b"QUIT",
]
LINES = {"smtp": SMTP, "submission": SMTP, "lmtp": SMTP, "imap": IMAP, "pop3": POP3}
FIRST = {"smtp": SMTP[:1], "submission": SMTP[:1], "lmtp": SMTP[2:3], "imap": IMAP[:2], "pop3": []}
BITS = (
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"(",
    b")",
    b'"',
    b"\\",
    b"{9+}",
    b"{",
    b"<",
    b">",
    b" ",
    b"*",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = "[limits]\nsoft_errors = 100000\nhard_errors = 100000"
    with running(tmp_path_factory.mktemp("noise"), settings=settings) as server:
        yield server


def noise(chance: random.Random, lines: Sequence[bytes], first: Sequence[bytes]) -> bytes:
    """Some commands, a part of them damaged."""
    made = []
    for line in [*first, *chance.choices(lines, k=chance.randrange(1, 30))]:
        octets = bytearray(line)
        if chance.random() < 0.25:
            for _ in range(chance.randrange(1, 4)):
                at = chance.randrange(len(octets) + 1)
                what = chance.randrange(4)
                if what == 0:
                    octets[at:at] = chance.choice(BITS)
                elif what == 1:
                    del octets[at : at + chance.randrange(1, 5)]
                elif what == 2:
                    octets[at:at] = bytes([chance.randrange(256)])
                else:
                    octets[at:at] = bytes(octets[:at]) * chance.randrange(1, 4)
        made.append(bytes(octets) + b"\r\n")
    return b"".join(made)


@pytest.mark.parametrize("door", LINES)
def test_noise(server: Server, door: str) -> None:
    before = resident(server)
    for seed in range(SESSIONS):
        chance = random.Random(f"{door} {seed}")
        with Wire(server.ports[door]) as wire:
            for octets in _portions(chance, door):
                try:
                    wire.send(octets)
                except ConnectionError:
                    break
                wire.listen_a_little()
            try:
                wire.socket.shutdown(socket.SHUT_WR)
            except OSError:
                continue
            wire.rest()  # the server ends it: no session hangs
    assert resident(server) < before + 64 * MIB
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(ALICE, PASSWORDS[ALICE])


def _portions(chance: random.Random, door: str) -> Iterator[bytes]:
    """Line by line as a good client sends, or all at once."""
    octets = noise(chance, LINES[door], FIRST[door])
    if chance.random() < 0.5:
        yield octets
    else:
        yield from octets.splitlines(keepends=True)
