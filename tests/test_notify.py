"""Wake-ups inside the process and between processes."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from postroom.errors import Refused
from postroom.notify import DIRECTORY, Notify

HINTER = """
import sys
from pathlib import Path
from postroom.notify import Notify
notify = Notify(Path(sys.argv[1]))
notify.hint([3, 2**62])
notify.close()
"""


class Watch:
    """Counts wake-ups and lets a test wait for the next."""

    def __init__(self) -> None:
        self.count = 0
        self.woken = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self.woken.set()

    async def next(self) -> None:
        async with asyncio.timeout(60):
            await self.woken.wait()
        self.woken.clear()


def test_watchers_of_a_key_are_woken_once_a_batch() -> None:
    async def go() -> None:
        notify = Notify()
        first, second, other = Watch(), Watch(), Watch()
        end = notify.subscribe(1, first)
        notify.subscribe(1, second)
        notify.subscribe(2, other)
        notify.publish([1, 1, 99])
        notify.publish([1])
        assert notify.watched() == [1, 2]
        assert first.count == 0  # on the loop, later
        await first.next()
        assert (first.count, second.count, other.count) == (1, 1, 0)
        end()
        end()
        notify.publish({1, 2})
        await other.next()
        assert (first.count, second.count, other.count) == (1, 2, 1)

    asyncio.run(go())


def test_any_thread_may_publish() -> None:
    async def go() -> None:
        notify = Notify()
        threads: set[int] = set()
        watch = Watch()

        def wake() -> None:
            threads.add(threading.get_ident())
            watch()

        notify.subscribe(7, wake)
        for _ in range(20):
            await asyncio.to_thread(notify.publish, [7])
            await watch.next()
        assert threads == {threading.get_ident()}

    asyncio.run(go())


def test_one_callback_may_subscribe_twice_and_end_once() -> None:
    async def go() -> None:
        notify = Notify()
        watch = Watch()
        end = notify.subscribe(1, watch)
        notify.subscribe(1, watch)
        end()
        notify.publish([1])
        await watch.next()
        assert watch.count == 1

    asyncio.run(go())


def test_a_watcher_may_end_itself_or_another_while_being_woken() -> None:
    async def go() -> None:
        notify = Notify()
        ends: list[Callable[[], None]] = []
        watch = Watch()

        def wake() -> None:
            for end in ends:
                end()
            watch()

        ends += [notify.subscribe(1, wake), notify.subscribe(1, lambda: None)]
        notify.publish([1])
        await watch.next()
        notify.publish([1])
        await asyncio.sleep(0)
        assert watch.count == 1

    asyncio.run(go())


def test_without_loop_or_watchers_nothing_happens() -> None:
    notify = Notify()
    notify.publish([1])
    notify.publish([])
    notify.hint([1])
    notify.close()

    async def subscribe() -> None:
        notify.subscribe(1, lambda: None)

    asyncio.run(subscribe())
    notify.publish([1])
    notify.publish([1])


def test_hints_come_from_another_process(data: Path) -> None:
    async def go() -> None:
        notify = Notify(data)
        low, high = Watch(), Watch()
        notify.subscribe(3, low)
        notify.subscribe(2**62, high)
        notify.listen()
        notify.listen()
        assert (data / "notify.sock").stat().st_mode & 0o777 == 0o600
        await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", HINTER, str(data)], check=True
        )
        await low.next()
        await high.next()
        notify.close()
        assert not (data / "notify.sock").exists()

    asyncio.run(go())


def test_many_keys_go_in_several_datagrams(data: Path) -> None:
    async def go() -> None:
        notify = Notify(data)
        notify.listen()
        watches = {key: Watch() for key in (DIRECTORY, 1, 999, 1_200)}
        for key, watch in watches.items():
            notify.subscribe(key, watch)
        notify.hint(range(1_201))
        for watch in watches.values():
            await watch.next()
        notify.close()

    asyncio.run(go())


def test_hints_that_nobody_takes_are_lost(data: Path) -> None:
    notify = Notify(data)
    notify.hint([1])
    deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    deaf.bind(str(data / "notify.sock"))
    for _ in range(2_000):  # the buffer is full after some hundreds
        notify.hint([1])
    deaf.close()
    notify.hint([1])
    notify.close()


def test_garbage_is_ignored(data: Path) -> None:
    async def go() -> None:
        notify = Notify(data)
        watch = Watch()
        notify.subscribe(1, watch)
        notify.listen()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            for octets in (b"", b"x", b"x" * 4001, b"\xff" * 8):
                sender.sendto(octets, str(data / "notify.sock"))
        notify.hint([1])
        await watch.next()
        assert watch.count == 1
        notify.close()

    asyncio.run(go())


def test_a_socket_left_by_a_killed_server_is_replaced(data: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.bind(str(data / "notify.sock"))
    left.close()

    async def go() -> None:
        notify = Notify(data)
        watch = Watch()
        notify.subscribe(1, watch)
        notify.listen()
        notify.hint([1])
        await watch.next()
        notify.close()

    asyncio.run(go())


def test_a_long_path_is_no_obstacle(data: Path) -> None:
    if not sys.platform.startswith("linux"):
        return
    deep = data / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)

    async def go() -> None:
        notify = Notify(deep)
        watch = Watch()
        notify.subscribe(1, watch)
        notify.listen()
        assert (deep / "notify.sock").is_socket()
        notify.hint([1])
        await watch.next()
        notify.close()

    asyncio.run(go())


def test_a_folder_that_is_missing_is_refused(data: Path) -> None:
    async def go() -> None:
        with pytest.raises(Refused, match=r"notify\.sock can't be made"):
            Notify(data / "missing").listen()

    asyncio.run(go())
