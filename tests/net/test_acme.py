"""The parent's side: a child that fails, hangs or is given up leaves no process behind."""

import asyncio

import pytest

from postroom.net import acme
from postroom.net.acme import AcmeFailed
from postroom.net.acme_child import Order
from tests.children import children
from tests.net.street import serving
from tests.net.test_acme_child import KEY

GONE = Order(directory="https://127.0.0.1:9/dir", account_key=KEY, key=KEY, names=("a.test",))
CHILD = "postroom.net.acme_child"


class Nothing:
    """Nothing is to be proven."""

    async def prove(self, name: str, token: str, answer: str) -> None:
        raise AssertionError(name + token + answer)

    async def ready(self) -> None:
        raise AssertionError


nothing = Nothing()


def test_a_failure_comes_with_its_reason() -> None:
    with pytest.raises(AcmeFailed, match="refused"):
        asyncio.run(acme.issue(GONE, nothing))
    with pytest.raises(AcmeFailed, match="refused"):
        asyncio.run(acme.renewal_time(GONE))


def test_a_child_that_takes_too_long_is_ended() -> None:
    async def story() -> None:
        async def listen(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            connected.set()
            await asyncio.Event().wait()  # it never says a word

        connected = asyncio.Event()
        async with serving(listen) as port:
            order = Order(directory=f"https://127.0.0.1:{port}/dir", account_key=KEY)
            task = asyncio.create_task(acme.issue(order, nothing, seconds=600))
            await connected.wait()
            assert len(children(CHILD)) == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not children(CHILD)
            with pytest.raises(AcmeFailed, match=r"within 0\.01 s"):
                await acme.issue(order, nothing, seconds=0.01)
            assert not children(CHILD)

    asyncio.run(story())
