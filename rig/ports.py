"""Ports of loopback for servers that are started a moment later.

A port that the system hands out and that is closed again can be another program's before
its server listens: that of the next connection that is opened, or of a second process that
tests at the same time. So each process has a block of its own, below the ports that the
system hands out, and says so by keeping the block's first port bound as long as it lives.
"""

import contextlib
import functools
import itertools
import os
import socket
from collections.abc import Iterator
from typing import Final

HOST: Final = "127.0.0.1"

_FIRST: Final = 20_000
_BLOCKS: Final = 120
_BLOCK: Final = 100  # ports


def free_port() -> int:
    """A port that nobody listens on, for TCP and for UDP; each of the block comes in its turn.

    Raises ``OSError`` when the whole block is taken.
    """
    numbers = _block(os.getpid())
    for again in (False, True):  # first those without connections that have ended lately
        for port in itertools.islice(numbers, _BLOCK):
            with contextlib.suppress(OSError):
                _try(port, again=again)
                return port
    raise OSError(f"all {_BLOCK} ports near {next(numbers)} are in use")


def _try(port: int, *, again: bool) -> None:
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, again)
        stream.bind((HOST, port))
        datagrams.bind((HOST, port))


@functools.cache
def _block(pid: int) -> Iterator[int]:
    """The ports of our block, round and round; a forked process takes a block of its own."""
    for number in range(pid, pid + _BLOCKS):
        first = _FIRST + number % _BLOCKS * _BLOCK
        claim = socket.socket()
        try:
            claim.bind((HOST, first))
        except OSError:
            claim.close()
            continue
        claim.detach()  # stays bound until the process ends
        return itertools.cycle(range(first + 1, first + _BLOCK))
    raise OSError(f"all {_BLOCKS} blocks of ports are in use")
