import asyncio

from postroom.net.transports import cut


class TlsOfDebian12(asyncio.Transport):
    """What CPython 3.11.2 does to a TLS transport when it is closed again."""

    def __init__(self) -> None:
        super().__init__()
        self.is_closed = False
        self.is_cut = False
        self._below: list[bool] | None = []

    def close(self) -> None:
        if self.is_closed:
            self._below = None
        self.is_closed = True

    def abort(self) -> None:
        self._below.append(True)  # type: ignore[union-attr]
        self.is_cut = True


def test_an_open_connection_is_cut() -> None:
    transport = TlsOfDebian12()
    cut(transport)
    assert transport.is_cut


def test_one_that_was_closed_twice_is_no_error() -> None:
    transport = TlsOfDebian12()
    transport.close()
    transport.close()
    cut(transport)
    assert not transport.is_cut
