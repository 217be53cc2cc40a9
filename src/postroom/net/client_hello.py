"""What a TLS client offers before anything is agreed (RFC 8446 §4.1.2, RFC 7301 §3.1)."""

from typing import Final

_CLIENT_HELLO: Final = 1
_ALPN: Final = 16
_FIXED: Final = 4 + 2 + 32  # handshake header, version, random


class _Short(Exception):
    """The octets end too early."""


class _Octets:
    """Reads vectors with a length in front (RFC 8446 §3.4)."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._octets)

    def take(self, count: int) -> bytes:
        piece = self._octets[self._at : self._at + count]
        if len(piece) < count:
            raise _Short
        self._at += count
        return piece

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width))

    def vector(self, width: int) -> bytes:
        return self.take(self.number(width))


def protocols(octets: bytes) -> tuple[bytes, ...]:
    """The application protocols in a ClientHello with its handshake header; () for anything else.

    What can't be read offers nothing.
    """
    if octets[:1] != bytes([_CLIENT_HELLO]):
        return ()
    try:
        return _offered(_Octets(octets))
    except _Short:
        return ()


def _offered(hello: _Octets) -> tuple[bytes, ...]:
    hello.take(_FIXED)
    hello.vector(1)  # session id
    hello.vector(2)  # cipher suites
    hello.vector(1)  # compression methods
    extensions = _Octets(hello.vector(2))
    while not extensions.is_at_end:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _ALPN:
            names, found = _Octets(_Octets(content).vector(2)), []
            while not names.is_at_end:
                found.append(names.vector(1))
            return tuple(found)
    return ()
