"""Keys, an oracle for signatures and letters that the tests of this package share."""

import itertools
from collections.abc import Iterable
from functools import cache
from typing import Final

import dkim  # type: ignore[import-untyped]

from postroom.mailauth import dkim_key
from postroom.mailauth.dkim_key import SigningKey
from postroom.mailauth.dkim_sign import Signer

SIGNED: Final = 1_700_000_000  # the oracle looks at the clock: in its past


@cache
def rsa_der() -> bytes:
    return dkim_key.generate_rsa()


@cache
def ed25519_der() -> bytes:
    return dkim_key.generate_ed25519()


@cache
def signers() -> tuple[Signer, Signer]:
    """One signer of each kind."""
    return (
        Signer("r1", SigningKey.load(rsa_der(), made_here=True)),
        Signer("e1", SigningKey.load(ed25519_der())),
    )


def verified(letter: bytes, domain: str = "example.org") -> list[bool]:
    """What dkimpy says of the two signatures on top."""
    records = {
        f"{signer.selector}._domainkey.{domain}.".encode(): dkim_key.public_record(
            signer.key
        ).encode()
        for signer in signers()
    }

    def answer(name: bytes | str, timeout: int = 5) -> bytes | None:
        return records.get(name if isinstance(name, bytes) else name.encode())

    def agrees(index: int) -> bool:
        try:
            return bool(dkim.DKIM(letter).verify(idx=index, dnsfunc=answer))
        except dkim.ValidationError:
            return False

    return [agrees(0), agrees(1)]


def cuts(whole: bytes, places: Iterable[int]) -> list[bytes]:
    edges = sorted({0, len(whole), *(place % (len(whole) + 1) for place in places)})
    return [whole[a:b] for a, b in itertools.pairwise(edges)]
