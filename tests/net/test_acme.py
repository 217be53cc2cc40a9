"""The parent's side: a child that fails, hangs or is given up leaves no process behind."""

import asyncio
from pathlib import Path

import pytest

from postroom.net import acme
from postroom.net.acme import AcmeFailed
from postroom.net.acme_child import Order
from tests.net.test_acme_child import KEY

GONE = Order(directory="https://127.0.0.1:9/dir", account_key=KEY, key=KEY, names=("a.test",))


class Nothing:
    """Nothing is to be proven."""

    async def prove(self, name: str, token: str, answer: str) -> None:
        raise AssertionError(name + token + answer)

    async def ready(self) -> None:
        raise AssertionError


nothing = Nothing()


def children() -> set[str]:
    return {
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if b"postroom.net.acme_child" in path.read_bytes()
    }


def test_a_failure_comes_with_its_reason() -> None:
    with pytest.raises(AcmeFailed, match="refused"):
        asyncio.run(acme.issue(GONE, nothing))
    with pytest.raises(AcmeFailed, match="refused"):
        asyncio.run(acme.renewal_time(GONE))


def test_a_child_that_takes_too_long_is_ended() -> None:
    async def story() -> None:
        async def listen(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connected.set()
            await done.wait()
            writer.close()

        connected, done = asyncio.Event(), asyncio.Event()
        server = await asyncio.start_server(listen, "127.0.0.1", 0)  # it never says a word
        port = server.sockets[0].getsockname()[1]
        order = Order(directory=f"https://127.0.0.1:{port}/dir", account_key=KEY)
        before = children()
        task = asyncio.create_task(acme.issue(order, nothing, seconds=600))
        await connected.wait()
        assert len(children() - before) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert children() <= before
        with pytest.raises(AcmeFailed, match=r"within 0\.01 s"):
            await acme.issue(order, nothing, seconds=0.01)
        assert children() <= before
        done.set()
        server.close()
        await server.wait_closed()

    asyncio.run(story())
