"""Our IMAP and Dovecot's with the same letters, asked the same."""

import re
from collections.abc import Mapping
from typing import Final

from bench.dovecot import PASSWORD as DOVECOT_PASSWORD, Dovecot
from bench.imap_client import Client
from interop.conftest import ALICE, PASSWORD
from postroom.protocol.imap.client_values import Value, read
from rig.server import Server

USER: Final = "alice"
MAILBOX: Final = "Oracle"
DATE: Final = b'"17-Jul-1996 02:44:25 -0700"'


class Pair:
    """A connection to each server, with the same letters in a mailbox of the same name."""

    def __init__(self, ours: Client, theirs: Client, names: list[str]) -> None:
        self.names = names
        self._ends = ours, theirs

    def close(self) -> None:
        """End both."""
        for end in self._ends:
            end.close()

    def ask(self, command: str) -> tuple[list[list[Value]], list[list[Value]]]:
        """The untagged responses of both to a command that both must take."""
        ours, theirs = [responses(end.text(command)) for end in self._ends]
        return ours, theirs


def paired(server: Server, dovecot: Dovecot, mailbox: str, letters: Mapping[str, bytes]) -> Pair:
    ends = Client(server.ports["imap"]), Client(dovecot.imap)
    logins = (ALICE, PASSWORD), (USER, DOVECOT_PASSWORD)
    for end, (user, password) in zip(ends, logins, strict=True):
        end.run(f"LOGIN {user} {password}")
        end.run(f"CREATE {mailbox}")
        end.append_many(mailbox, [(DATE, letter) for letter in letters.values()])
        end.run(f"SELECT {mailbox}")
    return Pair(*ends, list(letters))


def crlf(octets: bytes) -> bytes:
    return octets.replace(b"\n", b"\r\n")


def responses(answer: bytes) -> list[list[Value]]:
    """The untagged responses of an answer, without their "*"."""
    found: list[list[Value]] = []
    at = 0
    while answer.startswith(b"* ", at):
        parts: list[bytes] = []
        while True:
            end = answer.index(b"\r\n", at)
            line, at = answer[at:end], end + 2
            literal = re.search(rb"~?\{([0-9]+)\}$", line)
            if literal is None:
                break
            size = int(literal[1])
            parts += [line[: literal.start()], answer[at : at + size]]
            at += size
        found.append(read([*parts, line])[1:])
    return found


def numbers_of(answers: list[list[Value]]) -> list[int]:
    return [
        int(number)
        for word, *numbers in answers
        if word in {b"SEARCH", b"SORT"}
        for number in numbers
        if isinstance(number, bytes) and number.isdigit()
    ]
