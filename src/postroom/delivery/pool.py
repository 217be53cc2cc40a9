"""Connections that are kept for the next message to the same place, for a few seconds.

What is taken out belongs to the taker. A connection that the server has closed meanwhile is
never given out, nor one on which it has spoken unasked (that would be taken for the answer
to the next command), nor one that has served its share of messages.
"""

import asyncio
from collections import defaultdict
from typing import Final

from postroom.delivery.peer import Peer

MOST_IDLE: Final = 200


class Pool:
    """Idle connections by key. Used on one loop; ``close`` it at the end."""

    def __init__(self, *, idle_seconds: float) -> None:
        self._seconds = idle_seconds
        # Never an empty list: there may be as many keys as domains.
        self._idle: defaultdict[str, list[tuple[Peer, asyncio.TimerHandle]]] = defaultdict(list)
        self._count = 0
        self._ending: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def __len__(self) -> int:
        return self._count

    def take(self, key: str) -> Peer | None:
        """The connection that was put back last, if it is still there."""
        while key in self._idle:
            waiting = self._idle[key]
            peer, timer = waiting.pop()
            timer.cancel()
            self._count -= 1
            if not waiting:
                del self._idle[key]
            if peer.is_usable:
                return peer
            peer.abort()
        return None

    def put(self, key: str, peer: Peer, most: int) -> None:
        """Keep it, or end it in peace when it has had ``most`` messages."""
        is_spent = peer.begun >= most or not self._seconds or self._count >= MOST_IDLE
        if not peer.is_usable:
            peer.abort()
        elif is_spent or self._is_closed:
            self._end(peer)
        else:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._seconds, self._expire, key, peer)
            self._idle[key].append((peer, timer))
            self._count += 1

    async def close(self) -> None:
        """End all of them; what is put back afterwards ends as well."""
        self._is_closed = True
        for key in list(self._idle):
            while (peer := self.take(key)) is not None:
                self._end(peer)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _expire(self, key: str, peer: Peer) -> None:
        waiting = self._idle.get(key, [])
        for place, (one, _timer) in enumerate(waiting):
            if one is peer:
                del waiting[place]
                self._count -= 1
                self._end(peer)
                break
        if not waiting:
            self._idle.pop(key, None)

    def _end(self, peer: Peer) -> None:
        task = asyncio.get_running_loop().create_task(peer.quit())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
