"""Several kinds of clients on one mailbox, over the wire, against a simple model.

Each client's picture comes from what the server said to it alone. After a NOOP, and after
a resynchronisation, it must be the truth: the same messages under the same numbers, their
flags, and for those who are told MODSEQs the very MODSEQs that the model counts.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Iterable
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test as run_machine,
)

from postroom.store import sweeps
from tests.conftest import Opener
from tests.listen.imap.house import House, house
from tests.listen.imap.pictures import KINDS, Picture, numbers, write

LETTER = b"Subject: x\r\n\r\nbody\r\n"
DELETED = b"\\Deleted"
SEEN = b"\\Seen"

_names = itertools.count(1)

FLAGS = st.frozensets(st.sampled_from([SEEN, b"\\Flagged", DELETED, b"$Later"]), max_size=2)
WHO = st.sampled_from([0, 1, 2, 2, 2, 3, 4, 5])  # QRESYNC with numbers has most to lose
PLACE = st.integers(1, 6)  # chooses messages


class Message(msgspec.Struct):
    flags: frozenset[bytes]
    modseq: int


class Truth:
    """The mailbox as it must be."""

    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}
        self.uidnext = 1
        self.highest = 1

    def add(self, flags: Iterable[frozenset[bytes]]) -> None:
        """New messages, all with one MODSEQ."""
        self.highest += 1
        for one in flags:
            self.messages[self.uidnext] = Message(one, self.highest)
            self.uidnext += 1

    def store(
        self, uids: Iterable[int], sign: bytes, flags: frozenset[bytes], since: int | None
    ) -> list[int]:
        """Change flags; those that UNCHANGEDSINCE kept as they were."""
        modified: list[int] = []
        modseq = self.highest + 1
        for uid in uids:
            message = self.messages.get(uid)
            if message is None:
                continue
            if since is not None and message.modseq > since:
                modified.append(uid)
            elif (changed := applied(message.flags, sign, flags)) != message.flags:
                self.messages[uid] = Message(changed, modseq)
                self.highest = modseq
        return modified

    def remove(self, uids: Iterable[int]) -> list[int]:
        """Expunge those that are there."""
        gone = [uid for uid in uids if self.messages.pop(uid, None)]
        self.highest += bool(gone)
        return gone


def applied(flags: frozenset[bytes], sign: bytes, change: frozenset[bytes]) -> frozenset[bytes]:
    if sign == b"+":
        return flags | change
    return flags - change if sign == b"-" else change


class Clients(RuleBasedStateMachine):
    """One mailbox, a client of each kind that has it selected."""

    def __init__(self, runner: asyncio.Runner, home: House) -> None:
        super().__init__()
        self.runner = runner
        self.mailbox = b"box%d" % next(_names)
        self.truth = Truth()
        self.clients = [Picture(home, kind, self.mailbox) for kind in KINDS]

    @initialize(flags=st.lists(FLAGS, min_size=1, max_size=4))
    def begin(self, flags: list[frozenset[bytes]]) -> None:
        async def main() -> None:
            for client in self.clients:
                await client.connect()
            await self.clients[0].command(b"CREATE " + self.mailbox)
            for one in flags:
                await self._append(self.clients[0], one)
            for client in self.clients:
                await client.select()
                self.check(client)

        self.runner.run(main())

    def teardown(self) -> None:
        for client in self.clients:
            client.disconnect()

    def check(self, client: Picture) -> None:
        """The picture is the truth."""
        truth = self.truth.messages
        assert client.uids == list(truth), client.kind.name
        assert client.flags == {uid: message.flags for uid, message in truth.items()}
        if client.kind.knows_modseq:
            assert client.modseqs == {uid: message.modseq for uid, message in truth.items()}
            assert client.highest <= self.truth.highest

    async def _append(self, client: Picture, flags: frozenset[bytes]) -> None:
        words = b" ".join(sorted(flags))
        octets = b"APPEND %s (%s) {%d+}\r\n%s" % (self.mailbox, words, len(LETTER), LETTER)
        tagged = await client.command(octets)
        assert b" %d] " % self.truth.uidnext in tagged
        self.truth.add([flags])

    def chosen(self, client: Picture, low: int, high: int) -> list[int]:
        """Some messages as the client sees them; none of an empty mailbox."""
        return client.uids[min(low, len(client.uids)) - 1 : high] if client.uids else []

    def named(self, client: Picture, uids: list[int], *, by_uid: bool) -> tuple[bytes, bytes]:
        """The prefix of the command, and the set that names these messages."""
        if by_uid or client.kind.uidonly:
            return b"UID ", write(uids)
        return b"", write(client.uids.index(uid) + 1 for uid in uids)

    @rule(who=WHO)
    def noop(self, who: int) -> None:
        async def main() -> None:
            client = self.clients[who]
            await client.command(b"NOOP")
            await client.discover()
            self.check(client)

        self.runner.run(main())

    @rule(who=WHO, flags=FLAGS)
    def append(self, who: int, flags: frozenset[bytes]) -> None:
        async def main() -> None:
            await self._append(self.clients[who], flags)
            await self.clients[who].discover()

        self.runner.run(main())

    @rule(
        who=WHO,
        low=PLACE,
        high=PLACE,
        change=st.tuples(st.sampled_from([b"+", b"-", b""]), FLAGS),
        silent=st.booleans(),
        by_uid=st.booleans(),
        back=st.none() | st.integers(0, 6),
        is_lost=st.booleans(),
    )
    def store(
        self,
        who: int,
        low: int,
        high: int,
        *,
        change: tuple[bytes, frozenset[bytes]],
        silent: bool,
        by_uid: bool,
        back: int | None,
        is_lost: bool,
    ) -> None:
        client = self.clients[who]
        sign, flags = change
        uids = self.chosen(client, low, high)
        if not uids:
            return
        since = None
        modifier = b""
        if back is not None and client.kind.knows_modseq:
            since = max(1, self.truth.highest - back)
            modifier = b"(UNCHANGEDSINCE %d) " % since
        modified = self.truth.store(uids, sign, flags, since)

        async def main() -> None:
            prefix, names = self.named(client, uids, by_uid=by_uid)
            seen = list(client.uids)
            lines, tagged = await client.exchange(
                b"%sSTORE %s %s%sFLAGS%s (%s)"
                % (prefix, names, modifier, sign, b".SILENT" * silent, b" ".join(flags))
            )
            told: list[int] = []
            if b"[MODIFIED " in tagged:
                told = numbers(tagged.partition(b"[MODIFIED ")[2].partition(b"]")[0])
            assert (told if prefix else [seen[number - 1] for number in told]) == modified
            if silent:  # the client knows what it has asked for
                for uid in set(uids).difference(modified):
                    client.flags[uid] = applied(client.flags[uid], sign, flags)
            client.learn(lines, tagged)
            await client.discover()

        self.runner.run(main())
        if is_lost:
            self.come_back(who=who, say_uids=True, say_numbers=False)

    @rule(who=WHO, low=PLACE, high=PLACE)
    def remove(self, who: int, low: int, high: int) -> None:
        """Mark some and expunge them."""
        client = self.clients[who]
        uids = self.chosen(client, low, high)
        if not uids:
            return
        self.truth.store(uids, b"+", frozenset({DELETED}), None)
        self.truth.remove(uids)

        async def main() -> None:
            await client.command(b"UID STORE %s +FLAGS (\\Deleted)" % write(uids))
            await client.command(b"UID EXPUNGE " + write(uids))
            await client.discover()

        self.runner.run(main())

    @rule(who=WHO)
    def expunge(self, who: int) -> None:
        client = self.clients[who]
        deleted = [
            uid
            for uid, message in self.truth.messages.items()
            if DELETED in message.flags and uid in client.uids
        ]
        self.truth.remove(deleted)

        async def main() -> None:
            tagged = await client.command(b"EXPUNGE")
            if deleted and client.kind.qresync:
                assert b"OK [HIGHESTMODSEQ %d] " % self.truth.highest in tagged
            assert not set(deleted).intersection(client.uids)
            await client.discover()

        self.runner.run(main())

    @rule(who=WHO, low=PLACE, high=PLACE)
    def uid_expunge(self, who: int, low: int, high: int) -> None:
        client = self.clients[who]
        uids = self.chosen(client, low, high)
        if not uids:
            return
        there = self.truth.messages
        self.truth.remove([u for u in uids if u in there and DELETED in there[u].flags])

        async def main() -> None:
            await client.command(b"UID EXPUNGE " + write(uids))
            await client.discover()

        self.runner.run(main())

    @rule(who=WHO, low=PLACE, high=PLACE, away=st.booleans(), by_uid=st.booleans())
    def move(self, who: int, low: int, high: int, away: bool, by_uid: bool) -> None:
        client = self.clients[who]
        uids = self.chosen(client, low, high)
        if not uids:
            return
        there = [uid for uid in uids if uid in self.truth.messages]
        if there and not away:
            self.truth.add([self.truth.messages[uid].flags for uid in there])
        self.truth.remove(there)
        target = b"Archive" if away else self.mailbox
        self._transfer(client, b"MOVE", uids, target, by_uid=by_uid, there=there)
        assert not set(there).intersection(client.uids)

    @rule(who=WHO, low=PLACE, high=PLACE, by_uid=st.booleans())
    def copy(self, who: int, low: int, high: int, by_uid: bool) -> None:
        client = self.clients[who]
        uids = self.chosen(client, low, high)
        if not uids:
            return
        there = [uid for uid in uids if uid in self.truth.messages]
        if there:
            self.truth.add([self.truth.messages[uid].flags for uid in there])
        self._transfer(client, b"COPY", uids, self.mailbox, by_uid=by_uid, there=there)

    def _transfer(
        self,
        client: Picture,
        verb: bytes,
        uids: list[int],
        target: bytes,
        *,
        by_uid: bool,
        there: list[int],
    ) -> None:
        async def main() -> None:
            prefix, names = self.named(client, uids, by_uid=by_uid)
            answer = b"OK " if there or prefix else b"NO [EXPUNGEISSUED] "
            await client.command(b"%s%s %s %s" % (prefix, verb, names, target), answer)
            await client.discover()

        self.runner.run(main())

    @rule(
        who=WHO,
        low=PLACE,
        high=PLACE,
        by_uid=st.booleans(),
        reads=st.booleans(),
        is_lost=st.booleans(),
    )
    def fetch(
        self, who: int, low: int, high: int, *, by_uid: bool, reads: bool, is_lost: bool
    ) -> None:
        """What another session has expunged must wait while numbers are spoken of."""
        client = self.clients[who]
        uids = self.chosen(client, low, high)
        if not uids:
            return
        items = b"(FLAGS MODSEQ)" if client.kind.knows_modseq else b"(FLAGS)"
        if reads:
            items = b"BODY[HEADER.FIELDS (Subject)]"
            self._read(uids)

        async def main() -> None:
            prefix, names = self.named(client, uids, by_uid=by_uid)
            before = list(client.uids)
            lines, tagged = await client.exchange(b"%sFETCH %s %s" % (prefix, names, items))
            if not prefix:
                assert not any(b"EXPUNGE\r\n" in line or b"VANISHED" in line for line in lines)
            client.learn(lines, tagged)
            assert prefix or client.uids[: len(before)] == before
            await client.discover()

        self.runner.run(main())
        if is_lost:
            self.come_back(who=who, say_uids=False, say_numbers=True)

    def _read(self, uids: list[int]) -> None:
        self.truth.store(uids, b"+", frozenset({SEEN}), None)

    @rule(who=WHO, other=WHO, flags=FLAGS)
    @precondition(lambda self: self.truth.messages)
    def idle(self, who: int, other: int, flags: frozenset[bytes]) -> None:
        """One waits while another changes the first message and brings one."""
        client, actor = self.clients[who], self.clients[other]
        if client is actor:
            return

        async def main() -> None:
            tag = await client.idle()
            await actor.command(b"NOOP")
            await actor.discover()
            first = actor.uids[0]
            self.truth.store([first], b"", flags, None)
            await actor.command(b"UID STORE %d FLAGS (%s)" % (first, b" ".join(flags)))
            await self._append(actor, flags)
            await actor.discover()
            client.writer.write(b"DONE\r\n")
            client.learn(*await client.until(tag))
            await client.discover()
            await client.command(b"NOOP")
            await client.discover()
            self.check(client)

        self.runner.run(main())

    @rule(who=WHO, say_uids=st.booleans(), say_numbers=st.booleans())
    def come_back(self, who: int, say_uids: bool, say_numbers: bool) -> None:
        """The connection is lost; whoever can resynchronises, the others begin anew."""

        async def main() -> None:
            client = self.clients[who]
            client.disconnect()
            if not client.kind.qresync or not client.uids:
                client = self.clients[who] = Picture(client.home, client.kind, self.mailbox)
                await client.connect()
                await client.select()
            else:
                known = b" 1:%d" % client.uids[-1] if say_uids else b""
                if say_numbers and not client.kind.uidonly:
                    some = range(0, len(client.uids), 2)
                    known += b" (%s %s)" % (
                        write(at + 1 for at in some),
                        write(client.uids[at] for at in some),
                    )
                await client.connect()
                await client.resync(known)
            self.check(client)

        self.runner.run(main())


def test_every_client_has_the_true_picture(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "FEWEST", 1)
    # Each example is some hundred commands over the wire; to shrink one takes minutes.
    examples = 35 if settings().max_examples <= 100 else 500
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        home = runner.run(stack.enter_async_context(house(data, database=database)))
        try:
            run_machine(
                lambda: Clients(runner, home),  # type: ignore[arg-type]
                settings=settings(
                    max_examples=examples, stateful_step_count=30, phases=(Phase.generate,)
                ),
            )
        finally:
            runner.run(stack.aclose())


async def busy(client: Picture, random: Random) -> Picture:
    """Twenty commands of one client, which hears of the others' in between."""
    for _ in range(20):
        uids = [uid for uid in client.uids if random.random() < 0.3]
        flags = b"\\Seen" if random.random() < 0.5 else b"\\Deleted"
        numbered = not client.kind.uidonly and random.random() < 0.5
        names = write(client.uids.index(uid) + 1 for uid in uids) if numbered else write(uids)
        prefix = b"" if numbered else b"UID "
        gone = b"NO [EXPUNGEISSUED] " if numbered else b"OK "  # others were quicker
        match random.randrange(7) if uids else 6:
            case 0:
                await client.command(b"%sSTORE %s +FLAGS (%s)" % (prefix, names, flags))
            case 1:
                await client.command(b"%sSTORE %s -FLAGS (%s)" % (prefix, names, flags))
            case 2:
                await client.command(b"UID EXPUNGE " + write(uids))
            case 3:
                await client.command(b"%sMOVE %s Archive" % (prefix, names), b"OK ", gone)
            case 4:
                copy = b"%sCOPY %s %s" % (prefix, names, client.mailbox)
                await client.command(copy, b"OK ", gone)
            case 5 if client.kind.qresync:
                client.disconnect()
                await client.connect()
                await client.resync(b"")
            case _:
                size = len(LETTER)
                await client.command(b"APPEND %s {%d+}\r\n%s" % (client.mailbox, size, LETTER))
        await client.discover()
    return client


def test_clients_at_the_same_time(database: Opener, data: Path) -> None:
    """Whatever comes between whatever: in the end all agree with one who has just come."""

    async def main() -> None:
        async with house(data, database=database) as home:
            first = Picture(home, KINDS[1], b"INBOX")
            await first.connect()
            for _ in range(8):
                await first.command(b"APPEND INBOX {%d+}\r\n%s" % (len(LETTER), LETTER))
            clients = [Picture(home, kind, b"INBOX") for kind in (*KINDS, KINDS[2])]
            for client in clients:
                await client.connect()
                await client.select()
            async with asyncio.timeout(60):
                await asyncio.gather(
                    *(busy(client, Random(seed)) for seed, client in enumerate(clients))
                )
            await first.select()
            for client in clients:
                await client.command(b"NOOP")
                await client.discover()
                assert (client.uids, client.flags) == (first.uids, first.flags), client.kind.name
                assert client.modseqs in ({}, first.modseqs)
                client.disconnect()
            first.disconnect()

    asyncio.run(main())
