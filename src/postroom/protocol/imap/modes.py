"""What a client has switched on for its connection, and how that changes the protocol.

ENABLE switches on (RFC 5161); CONDSTORE also by any command that names it (RFC 7162 §3.1).
Nothing is switched off again but by UNAUTHENTICATE (RFC 8437), which forgets all of it.
"""

from collections.abc import Iterable
from typing import Final

import msgspec


class Modes(msgspec.Struct):
    """``condstore``: changes tell their MODSEQ; ``qresync``: VANISHED instead of EXPUNGE.

    RFC 7162. ``utf8``: strings and mailbox names are UTF-8 (RFC 6855, RFC 9051 §5.1), which
    ``accept`` (UTF8=ACCEPT) and ``rev2`` (IMAP4rev2, RFC 9051) both bring; ``uidonly``: no
    message numbers at all (RFC 9586); ``metadata``: changed annotations are told (RFC 5464 §4.4).
    """

    condstore: bool = False
    qresync: bool = False
    utf8: bool = False
    accept: bool = False
    rev2: bool = False
    uidonly: bool = False
    metadata: bool = False

    def enable(self, names: Iterable[bytes]) -> list[bytes]:
        """Switch on what is known of ``names`` (upper case); those that were not on before.

        They are written as RFCs write them.
        """
        fresh: list[bytes] = []
        for name in names:
            switch = SWITCHES.get(name)
            if switch is None or getattr(self, switch[1][0]):
                continue
            fresh.append(switch[0])
            for mode in switch[1]:
                setattr(self, mode, True)
        return fresh


# The name as it is written, then the modes: the first is its own, the others come with it.
SWITCHES: Final[dict[bytes, tuple[bytes, tuple[str, ...]]]] = {
    b"CONDSTORE": (b"CONDSTORE", ("condstore",)),
    b"QRESYNC": (b"QRESYNC", ("qresync", "condstore")),
    b"UTF8=ACCEPT": (b"UTF8=ACCEPT", ("accept", "utf8")),
    b"IMAP4REV2": (b"IMAP4rev2", ("rev2", "utf8")),
    b"METADATA": (b"METADATA", ("metadata",)),
    b"UIDONLY": (b"UIDONLY", ("uidonly",)),
}
