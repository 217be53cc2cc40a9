"""Connections that are kept for the next message to the same place, for a few seconds.

What is taken out belongs to the taker. A connection that the server has closed meanwhile is
never given out, nor one on which it has spoken unasked (that would be taken for the answer
to the next command), nor one that has served its share of messages.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from postroom.delivery.peer import Peer

MOST_IDLE: Final = 200


class Pool:
    """Idle connections by key. Used on one loop; ``close`` it at the end."""

    def __init__(self, *, idle_seconds: float) -> None:
        self._seconds = idle_seconds
        # Never an empty list: there may be as many keys as domains.
        self._idle: defaultdict[str, list[_Idle]] = defaultdict(list)
        self._count = 0
        self._ending: dict[asyncio.Task[None], str] = {}  # and the group
        self._is_closed = False

    def __len__(self) -> int:
        return self._count

    def take(self, key: str) -> Peer | None:
        """The connection that was put back last, if it is still there."""
        while key in self._idle:
            one = self._idle[key][-1]
            self._remove(key, one)
            if one.peer.is_usable:
                return one.peer
            one.peer.abort()
        return None

    def put(self, key: str, peer: Peer, most: int, group: str = "") -> None:
        """Keep it, or end it in peace when it has had ``most`` messages.

        ``group``: what it counts to in ``make_room``.
        """
        is_spent = peer.begun >= most or not self._seconds or self._count >= MOST_IDLE
        if not peer.is_usable:
            peer.abort()
        elif is_spent or self._is_closed:
            self._end(peer, group)
        else:
            one = _Idle(peer, group)
            loop = asyncio.get_running_loop()
            one.timer = loop.call_later(self._seconds, self._expire, key, one)
            self._idle[key].append(one)
            self._count += 1

    async def make_room(self, group: str, most: int) -> None:
        """No more than ``most`` connections of the group are left, idle or ending."""
        idle = [
            (key, one) for key, many in self._idle.items() for one in many if one.group == group
        ]
        for key, one in idle[: max(0, len(idle) - most)]:
            self._expire(key, one)
        ending = [task for task, ends in self._ending.items() if ends == group]
        if ending:
            await asyncio.wait(ending)

    async def close(self) -> None:
        """End all of them; what is put back afterwards ends as well."""
        self._is_closed = True
        for key in list(self._idle):
            while (peer := self.take(key)) is not None:
                self._end(peer)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _expire(self, key: str, one: "_Idle") -> None:
        self._remove(key, one)
        self._end(one.peer, one.group)

    def _remove(self, key: str, one: "_Idle") -> None:
        if one.timer is not None:
            one.timer.cancel()
        waiting = self._idle[key]
        waiting.remove(one)
        self._count -= 1
        if not waiting:
            del self._idle[key]

    def _end(self, peer: Peer, group: str = "") -> None:
        task = asyncio.get_running_loop().create_task(peer.quit())
        self._ending[task] = group
        task.add_done_callback(self._ending.pop)


@dataclass(eq=False, slots=True)
class _Idle:
    """A connection that waits, and what ends it when it has waited long enough."""

    peer: Peer
    group: str
    timer: asyncio.TimerHandle | None = None
