"""Waiting for the first who connects, without a door: for parts that cost memory to have.

The system answers for us until then: a connection waits in the backlog of its socket.
"""

import asyncio
import socket
from collections.abc import Sequence


async def knock(listening: Sequence[socket.socket]) -> None:
    """Return once somebody has connected to one of these sockets; nothing is accepted.

    Each of them listens, and nobody else may wait for them on this loop meanwhile.
    """
    loop = asyncio.get_running_loop()
    heard = asyncio.Event()
    for one in listening:
        loop.add_reader(one, heard.set)
    try:
        await heard.wait()
    finally:
        for one in listening:
            loop.remove_reader(one)
