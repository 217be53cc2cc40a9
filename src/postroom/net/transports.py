"""What every transport must bear, whatever the version of Python."""

import asyncio
import contextlib


def cut(transport: asyncio.WriteTransport) -> None:
    """End a connection at once; one that has ended stays as it is.

    CPython 3.11.2, which Debian 12 has, raises AttributeError when a TLS transport is aborted
    that was closed twice before.
    """
    with contextlib.suppress(AttributeError):
        transport.abort()
