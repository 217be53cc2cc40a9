import asyncio
import time
from collections.abc import Callable

from postroom.listen.caps import Caps
from postroom.listen.connections import NEVER, Connections, Owner
from tests.listen.loops import both_loops, run
from tests.listen.watch import Watch


class Fake:
    """A door that does as it is told."""

    def __init__(self, connections: Connections, *, leaves_at: str = "") -> None:
        self.deadline = NEVER
        self.task: asyncio.Task[None] | None = None
        self.told: list[str] = []
        self.connections = connections
        self.leaves_at = leaves_at
        self.owner: Owner | None = None
        self.was_told = asyncio.Event()
        connections.add(self)

    def _tell(self, word: str) -> None:
        self.told.append(word)
        self.was_told.set()
        if word == self.leaves_at:
            self.connections.remove(self)

    def expire(self) -> None:
        self.deadline = NEVER
        self._tell("expire")

    def stop(self) -> None:
        self._tell("stop")

    def expel(self) -> None:
        self._tell("expel")

    def abort(self) -> None:
        self._tell("abort")


def new(clock: Callable[[], float] = time.monotonic) -> Connections:
    return Connections(Caps(total=10, per_network=10), tick=0.01, grace=0.05, clock=clock)


def is_armed(connections: Connections) -> bool:
    return connections._timer is not None


@both_loops
def test_only_who_is_late_expires(loop: str) -> None:
    async def main() -> None:
        watch = Watch()
        connections = new(watch)
        late, early = Fake(connections), Fake(connections)
        late.deadline, early.deadline = watch.now + 20, watch.now + 1000
        await watch.forward(19, connections)
        assert (late.told, early.told) == ([], [])
        await watch.forward(1, connections)
        assert (late.told, early.told) == (["expire"], [])
        await connections.drain(0)

    run(loop, main())


@both_loops
def test_the_timer_rests_while_nobody_is_there(loop: str) -> None:
    async def main() -> None:
        connections = new()
        first = Fake(connections)
        connections.remove(first)
        await asyncio.sleep(0.05)
        assert not is_armed(connections)
        Fake(connections)
        assert is_armed(connections)
        await connections.drain(0)
        assert not is_armed(connections)

    run(loop, main())


@both_loops
def test_draining_asks_then_cuts_then_cancels(loop: str) -> None:
    async def main() -> None:
        connections = new()
        polite = Fake(connections, leaves_at="stop")
        stubborn = Fake(connections, leaves_at="abort")
        await connections.drain(0.05)
        assert (polite.told, stubborn.told) == (["stop"], ["stop", "abort"])
        assert len(connections) == 0

    run(loop, main())


@both_loops
def test_a_task_that_hangs_is_cancelled_in_the_end(loop: str) -> None:
    async def main() -> None:
        connections = new()
        hanging = Fake(connections)
        hanging.task = asyncio.get_running_loop().create_task(asyncio.sleep(1000))
        await connections.drain(0)
        assert hanging.task.cancelled()

    run(loop, main())


def test_sessions_have_ids_of_their_own() -> None:
    connections, other = new(), new()
    ids = {one.new_session() for one in (connections, other) for _ in range(1000)}
    assert len(ids) == 2000
    assert all(len(ident) < 16 for ident in ids)


@both_loops
def test_those_of_one_login_are_sent_away(loop: str) -> None:
    async def main() -> None:
        connections = new()
        nobody, first, second, other = [Fake(connections) for _ in range(4)]
        first.owner = second.owner = (1, 7)
        other.owner = (1, 8)
        assert connections.owners() == {(1, 7), (1, 8)}
        connections.expel({(1, 7), (2, 9)})
        assert first.told == second.told == ["expel"]
        assert nobody.told == other.told == []
        await connections.drain(0)

    run(loop, main())
