import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from postroom.address import Address
from postroom.admin.open import open_office
from postroom.admin.queue import queue_id, way_in_words
from postroom.admin.trace import FactView
from postroom.cli.trace import merged
from postroom.config.load import load
from postroom.directory import accounts
from postroom.ledger.rows import Fact, Kind, note
from tests.cli.conftest import Shell
from tests.cli.test_queue import queued


def test_a_story_is_told(shell: Shell) -> None:
    (ident,) = queued(shell, ("ann@demo.test", ("b@other.test",)))
    said = shell.says("trace", ident)
    assert said.splitlines()[0] == f"id          {ident}"
    assert re.search(r"^accepted +\S+ \S+ from 192.0.2.1 \(mx\)$", said, re.MULTILINE)
    assert re.search(r"^story +\S+ \S+ queued b@other.test \(other.test\)$", said, re.MULTILINE)
    assert re.search(r"^waiting +b@other.test: waiting, next attempt", said, re.MULTILINE)
    assert shell.says("trace", "ann@demo.test") == said
    assert shell.says("trace", "<m@x>") == said
    (one,) = shell.json("trace", ident)["messages"]
    assert one["facts"][0]["kind"] == "queued"


BEGIN = datetime(2026, 9, 21, 14, tzinfo=UTC)


def attempts(shell: Shell, ident: str, *facts: tuple[str, Kind, str], ended: bool = False) -> None:
    """Note what became of a message; ``ended``: it is no longer in the queue."""
    number = queue_id(ident)

    async def write() -> None:
        async with open_office(load(shell.config)) as office:
            rows = [
                Fact(
                    number, office.ids.next(), (1_790_000_000 + 3600 * place) * 1000, kind,
                    recipient, detail=detail,
                )
                for place, (recipient, kind, detail) in enumerate(facts)
            ]  # fmt: skip
            await office.db.write(lambda tx: note(tx, rows))
            if ended:
                await office.db.write(lambda tx: tx.execute("DELETE FROM delivery"))
                await office.db.write(lambda tx: tx.execute("DELETE FROM queued"))
                return
            await office.db.write(
                lambda tx: tx.execute(
                    "UPDATE delivery SET next_attempt = 1790100000000, last_reply = '451 4.7.1 b',"
                    " attempts = 3, route = 'relay:office'"
                )
            )

    asyncio.run(write())


def test_attempts_that_failed_one_after_the_other_are_one_line(shell: Shell) -> None:
    (ident,) = queued(shell, ("ann@demo.test", ("B@other.test", "c@x.test")))
    attempts(
        shell, ident,
        ("b@other.test", "deferred", "mx.other.test: 451 4.7.1 a"),
        ("c@x.test", "deferred", "451 4.4.1 mx.x.test: Connection refused"),
        ("b@other.test", "deferred", "451 4.4.1 no answer"),
        ("c@x.test", "delivered", "mx.x.test: 250 2.0.0 Ok: 17"),
        ("b@other.test", "deferred", "mx.other.test: 451 4.7.1 b"),
    )  # fmt: skip
    lines = [line[12:] for line in shell.says("trace", ident).splitlines()]
    story = next(at for at, line in enumerate(lines) if " queued " in line)
    assert lines[story + 2 :] == [
        "2026-09-21 15:13 deferred c@x.test (connection): 451 4.4.1 mx.x.test: Connection refused",
        "2026-09-21 17:13 delivered c@x.test: mx.x.test said 250 2.0.0 Ok: 17",
        (
            "2026-09-21 18:13 deferred b@other.test, 3 attempts since 2026-09-21 14:13, the last"
            " (policy): mx.other.test said 451 4.7.1 b; next attempt 2026-09-22 18:00"
        ),
        (
            "B@other.test: waiting, next attempt 2026-09-22 18:00, 3 so far, through the relay"
            " office, the last reply (policy): 451 4.7.1 b"
        ),
        (
            "c@x.test: waiting, next attempt 2026-09-22 18:00, 3 so far, through the relay"
            " office, the last reply (policy): 451 4.7.1 b"
        ),
    ]
    (one,) = shell.json("trace", ident)["messages"]
    assert [fact["kind"] for fact in one["facts"]].count("deferred") == 4
    assert one["facts"][2]["host"] == "mx.other.test"
    assert one["waiting"][0]["route"] == "relay:office"


def test_the_end_of_attempts_is_told(shell: Shell) -> None:
    (ident,) = queued(shell, ("ann@demo.test", ("b@other.test",)))
    attempts(
        shell, ident,
        ("b@other.test", "deferred", "mx.other.test: 451 4.7.1 a"),
        ("b@other.test", "bounced", "given up after the last attempt: mx.other.test: 451 4.7.1 a"),
        ended=True,
    )  # fmt: skip
    said = shell.says("trace", ident)
    assert (
        "2026-09-21 14:13 deferred b@other.test (policy): mx.other.test said 451 4.7.1 a\n" in said
    )
    assert said.endswith(
        " 2026-09-21 15:13 bounced b@other.test, given up after the last attempt"
        " (policy): mx.other.test said 451 4.7.1 a\n"
    )


def fact(kind: str, recipient: str, hours: int) -> FactView:
    return FactView(
        BEGIN + timedelta(hours=hours), kind, recipient, "", "", None, f"{kind} {hours}", "", "r"
    )


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ("", []),
        ("d", [(0, 0, 1)]),
        ("ddd", [(2, 0, 3)]),
        ("dnd", [(0, 0, 1), (1, 1, 1), (2, 2, 1)]),
        ("dDdD", [(2, 0, 2), (3, 1, 2)]),
        ("dNd", [(1, 1, 1), (2, 0, 2)]),
        ("dmd", [(0, 0, 1), (1, 1, 1), (2, 2, 1)]),
    ],
)
def test_what_is_merged(kinds: str, told: list[tuple[int, int, int]]) -> None:
    """Small letters are about one recipient, capitals about another, m about the message."""
    words = {"d": ("deferred", "a"), "D": ("deferred", "b"), "n": ("noted", "a"),
             "N": ("noted", "b"), "m": ("noted", "")}  # fmt: skip
    facts = [fact(*words[kind], hours) for hours, kind in enumerate(kinds)]
    assert [
        (facts.index(one.fact), (one.since - BEGIN) // timedelta(hours=1), one.times)
        for one in merged(facts)
    ] == told


def test_ways_in_words() -> None:
    assert way_in_words("") == way_in_words(None) == "as configured"


def test_behind_an_alias_it_says_whose_copy_it_is(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "carol@demo.test")
    (ident,) = queued(shell, ("", ("b@other.test",)))
    number = queue_id(ident)

    async def write() -> None:
        async with open_office(load(shell.config)) as office:
            carol = await office.directory.look(
                lambda tx: accounts.find(tx, Address.parse("carol@demo.test"))
            )
            assert carol is not None
            rows = [
                Fact(
                    number, office.ids.next(), 1_790_000_000_000, "noted", recipient, carol.id,
                    detail="the mailbox is full",
                )
                for recipient in ("team@demo.test", "carol@demo.test")
            ]  # fmt: skip
            await office.db.write(lambda tx: note(tx, rows))

    asyncio.run(write())
    said = shell.says("trace", ident)
    assert "noted team@demo.test for carol@demo.test (the mailbox is full)" in said
    assert "noted carol@demo.test (the mailbox is full)" in said


def test_what_this_server_wrote_came_from_no_address(shell: Shell) -> None:
    (ident,) = queued(shell, ("", ("b@other.test",)))

    async def write() -> None:
        async with open_office(load(shell.config)) as office:
            await office.db.write(lambda tx: tx.execute("UPDATE ledger SET peer = '', helo = ''"))

    asyncio.run(write())
    assert re.search(
        r"^accepted +\S+ \S+ from this server$", shell.says("trace", ident), re.MULTILINE
    )


def test_several_stories_oldest_first(shell: Shell) -> None:
    ids = queued(shell, *[("ann@demo.test", ("b@other.test",))] * 3)
    said = shell.says("trace", "ann@demo.test")
    assert re.findall(r"^id +(\w+)$", said, re.MULTILINE) == ids
    result = shell.run("trace", "ann@demo.test", "--limit", "2")
    assert re.findall(r"^id +(\w+)$", result.stdout, re.MULTILINE) == ids[1:]
    assert "--limit 20" in result.stderr


def test_refusals_are_told(shell: Shell) -> None:
    shell.says("domain", "list")
    log = shell.config.parent / "data" / "log" / "postroom.jsonl"
    log.parent.mkdir()
    log.write_text(
        '{"at":"2026-09-21T14:13:20.000Z","event":"recipient.refused","session":"s","peer":'
        '"192.0.2.7","status":"5.1.1","sender":"","recipient":"x@demo.test","reason":"unknown"}\n'
    )
    assert shell.says("trace", "x@demo.test") == (
        "2026-09-21T14:13:20.000Z refused 5.1.1 from <> to <x@demo.test> by 192.0.2.7: unknown\n"
    )


def test_words_of_a_stranger_move_no_cursor(shell: Shell) -> None:
    shell.says("domain", "list")
    log = shell.config.parent / "data" / "log" / "postroom.jsonl"
    log.parent.mkdir()
    log.write_text(
        '{"at":"2026-09-21T14:13:20.000Z","event":"recipient.refused","session":"s","peer":'
        '"192.0.2.7","status":"5.7.1","sender":"","recipient":"x@demo.test",'
        '"reason":"listed: \\u001b[2J\\nall is well"}\n'
    )
    said = shell.says("trace", "x@demo.test")
    assert said.endswith("listed: \\x1b[2J\\nall is well\n")


def test_what_is_not_known(shell: Shell) -> None:
    assert shell.refuses("trace", "x@demo.test") == (
        "nothing is known of x@demo.test; stories are kept 90 days"
    )
    shell.misuses("trace")
