"""The clock of the loop that tests run on."""

import asyncio
from time import monotonic

import pytest

from tests import loop
from tests.loop import patiently


class Machine:
    """A clock that jumps whenever the process was kept from running."""

    def __init__(self) -> None:
        self.lost = 0.0

    def __call__(self) -> float:
        return monotonic() + self.lost


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    one = Machine()
    monkeypatch.setattr(loop, "monotonic", one)
    return one


def test_nobody_is_late_because_the_machine_was_busy(machine: Machine) -> None:
    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            async with asyncio.timeout(1):
                for _ in range(5):
                    writer.write(b"x\n")
                    machine.lost += 100
                    assert await reader.readline() == b"x\n"
            writer.close()
            await is_closed.wait()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            machine.lost += 100
            writer.write(line)
        writer.close()
        is_closed.set()

    is_closed = asyncio.Event()

    patiently(main())


def test_what_is_waited_for_and_does_not_come_takes_its_time(machine: Machine) -> None:
    async def main() -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await asyncio.Event().wait()
        assert 0.02 <= clock() - began < 5

    patiently(main())


def test_time_passes_for_who_never_waits(machine: Machine) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                while True:  # noqa: ASYNC110  (it is what the test is about)
                    await asyncio.sleep(0)

    patiently(main())
