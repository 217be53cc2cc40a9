"""What an IMAP server answers, as imaplib hands it on."""

import re
from collections.abc import Sequence


class Unexpected(Exception):
    """The server says what it should not; the text is what."""


def well(answer: tuple[str, object]) -> None:
    """Raise ``Unexpected`` for anything but OK."""
    if answer[0] != "OK":
        raise Unexpected(answer)


def quoted(name: str) -> str:
    """A name of a mailbox, as an argument."""
    return f'"{name}"'


def first_uid(said: Sequence[bytes | None]) -> int:
    """The first new UID of COPYUID or APPENDUID."""
    found = re.search(rb"(\d+)(?:[:,]\d+)*(?:\].*)?$", (said[-1] or b"") if said else b"")
    if found is None:
        raise Unexpected(said)
    return int(found[1])


def uids_of(sequence_set: bytes) -> list[int]:
    """What a set without ``*`` names."""
    numbers: list[int] = []
    for part in sequence_set.split(b","):
        low, _, high = part.partition(b":")
        numbers += range(int(low), int(high or low) + 1)
    return numbers


def uid_and_flags(line: bytes) -> tuple[int, frozenset[str]]:
    r"""What a line of FETCH says of both, less \Recent."""
    uid = re.search(rb"UID (\d+)", line)
    flags = re.search(rb"FLAGS \(([^)]*)\)", line)
    if uid is None or flags is None:
        raise Unexpected(line)
    return int(uid[1]), frozenset(flags[1].decode().split()) - {"\\Recent"}
