"""A DNS server beside the servers of a test, which run in processes of their own."""

import asyncio
import threading

from rig.dns import DnsServer


class Names(threading.Thread):
    """A DNS server on a loop of its own."""

    def __init__(self, server: DnsServer) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.started = threading.Event()

    def run(self) -> None:
        asyncio.run(self.main())

    async def main(self) -> None:
        self.loop, self.ended = asyncio.get_running_loop(), asyncio.Event()
        async with self.server:
            self.started.set()
            await self.ended.wait()

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.ended.set)
        self.join()
