import asyncio
import re

import pytest

from postroom.admin.open import open_office
from postroom.config.load import load
from postroom.db.ids import to_text
from postroom.post.commit import Post
from tests.cli.conftest import Shell
from tests.post.office import letter


def queued(shell: Shell, *letters: tuple[str, tuple[str, ...]]) -> list[str]:
    """Queue letters of (sender, recipients); their ids."""

    async def fill() -> list[str]:
        ids = []
        async with open_office(load(shell.config)) as office:
            post = Post(office.db, office.blobs, office.notify, office.clock)
            for sender, recipients in letters:
                one = letter(office, remote=recipients, sender=sender)
                await post.commit(one)
                assert one.queued is not None
                ids.append(to_text(one.queued.id))
        return ids

    return asyncio.run(fill())


@pytest.fixture
def ids(shell: Shell) -> list[str]:
    many = tuple(f"r{number}@x.test" for number in range(5))
    return queued(shell, ("a@demo.test", ("b@other.test",)), ("", many))


def test_the_queue_is_listed(shell: Shell, ids: list[str]) -> None:
    heading, first, second = shell.says("queue", "list").splitlines()
    assert heading.split() == ["ID", "ACCEPTED", "SIZE", "STATE", "SENDER", "RECIPIENTS"]
    assert first.startswith(ids[0])
    assert first.endswith("waiting  a@demo.test  b@other.test")
    assert second.endswith("<>           r0@x.test, r1@x.test, r2@x.test and 2 more")
    assert [one["id"] for one in shell.json("queue", "list")] == ids
    assert [one["id"] for one in shell.json("queue", "list", "--to", "x.test")] == ids[1:]
    assert [one["id"] for one in shell.json("queue", "list", "--sender", "<>")] == ids[1:]
    assert len(shell.json("queue", "list", "--limit", "1")) == 1
    assert shell.json("queue", "list", "--held") == []
    assert len(shell.json("queue", "list", "--not-held")) == 2


def test_an_empty_queue(shell: Shell) -> None:
    assert shell.says("queue", "list") == ""
    assert shell.json("queue", "list") == []
    assert shell.says("queue", "stats").splitlines()[0] == "recipients    0"


def test_one_message_is_shown(shell: Shell, ids: list[str]) -> None:
    said = shell.says("queue", "show", ids[0])
    assert re.search(r"^sender +a@demo.test$", said, re.MULTILINE)
    assert re.search(r"^message-id +m@x$", said, re.MULTILINE)
    assert re.search(r"^b@other.test +waiting +0 ", said, re.MULTILINE)
    assert shell.json("queue", "show", ids[1])["sender"] == ""
    assert "is not in the queue" in shell.refuses("queue", "show", "0000000000001")
    assert "is no queue id" in shell.refuses("queue", "show", "x")


def test_statistics(shell: Shell, ids: list[str]) -> None:
    said = shell.says("queue", "stats")
    assert re.search(r"^recipients +6$", said, re.MULTILINE)
    assert re.search(r"^x.test +5 +0 +0", said, re.MULTILINE)
    assert "LAST REPLY" in said
    assert shell.json("queue", "stats")["destinations"] == 2


def test_messages_are_held_released_and_removed(shell: Shell, ids: list[str]) -> None:
    assert shell.says("queue", "hold", ids[0]) == "1 message held, 1 recipient\n"
    assert shell.json("queue", "list", "--held")[0]["recipients"][0]["status"] == "held"
    assert shell.says("queue", "release", "--all") == "1 message released, 1 recipient\n"
    assert shell.json("queue", "remove", "--to", "x.test") == {
        "action": "removed", "messages": 1, "recipients": 5,
    }  # fmt: skip
    assert [one["id"] for one in shell.json("queue", "list")] == ids[:1]
    assert "nothing was changed" in shell.refuses("queue", "remove", *ids)
    assert shell.says("queue", "remove", ids[0]) == "1 message removed, 1 recipient\n"


def test_messages_are_retried(shell: Shell, ids: list[str]) -> None:
    assert shell.says("queue", "retry", ids[1]) == "1 message retried, 5 recipients\n"
    assert shell.json("queue", "retry", "--sender", "a@demo.test") == {
        "action": "retried", "messages": 1, "recipients": 1,
    }  # fmt: skip
    assert shell.says("queue", "retry", "--to", "none.test") == (
        "0 messages retried, 0 recipients\n"
    )


def test_messages_are_rerouted(shell: Shell, ids: list[str]) -> None:
    shell.says("relay", "add", "office", "--host", "relay.test", "--port", "25", "--tls", "none")
    said = shell.says("queue", "reroute", ids[0], "--relay", "office")
    assert said == "1 message rerouted, 1 recipient\n"
    assert "through the relay office" in shell.says("queue", "show", ids[0])
    assert shell.json("queue", "show", ids[0])["recipients"][0]["route"] == "relay:office"
    assert shell.says("queue", "reroute", "--all", "--direct").startswith("2 messages rerouted, 6")
    assert "straight to the domain's own servers" in shell.says("queue", "show", ids[1])
    shell.says("queue", "reroute", "--recipient", "b@other.test", "--as-configured")
    assert shell.json("queue", "show", ids[0])["recipients"][0]["route"] == ""
    assert shell.refuses("queue", "reroute", "--all", "--relay", "none") == (
        "no relay none; see: postroom relay list"
    )
    assert shell.json("queue", "show", ids[1])["recipients"][0]["route"] == "mx"
    for ways in ([], ["--direct", "--as-configured"], ["--relay", "office", "--direct"]):
        assert "say which way" in shell.misuses("queue", "reroute", ids[0], *ways)
    assert "name IDs, or choose" in shell.misuses("queue", "reroute", "--direct")


def test_what_is_known_of_one_message_is_told(shell: Shell, ids: list[str]) -> None:
    said = shell.says("queue", "show", ids[0])
    assert re.search(r"^origin +ours: it is signed", said, re.MULTILINE)
    assert re.search(r"^priority +normal$", said, re.MULTILINE)
    assert "not before" not in said
    assert re.search(r"^other.test +1 +0 +0", said, re.MULTILINE)

    async def change() -> None:
        async with open_office(load(shell.config)) as office:
            later = office.now() + 86_400_000
            await office.db.write(
                lambda tx: tx.execute(
                    "UPDATE queued SET due = :due, requiretls = 1, origin = 0", due=later
                )
            )
            await office.db.write(
                lambda tx: tx.execute(
                    "UPDATE destination SET paused_until = :at, last_reply = '451 4.4.1 no'",
                    at=later,
                )
            )

    asyncio.run(change())
    said = shell.says("queue", "show", ids[0])
    assert re.search(r"^not before +\d{4}-", said, re.MULTILINE)
    assert re.search(r"^needs +REQUIRETLS$", said, re.MULTILINE)
    assert re.search(r"^origin +a stranger: the postmaster is told", said, re.MULTILINE)
    assert re.search(r"^other.test +1 +0 +0 +\d{4}-\S+ \S+ +451 4.4.1 no$", said, re.MULTILINE)
    assert "451 4.4.1 no" in shell.says("queue", "stats")


def test_what_is_meant_must_be_said(shell: Shell, ids: list[str]) -> None:
    for words in (["remove"], ["hold", ids[0], "--all"], ["release", ids[0], "--to", "x.test"]):
        assert "name IDs, or choose" in shell.misuses("queue", *words)
    assert len(shell.json("queue", "list")) == 2
    assert "reroute" in shell.says("queue", "--help")


def test_an_empty_queue_is_told_to_people_only(shell: Shell) -> None:
    assert shell.run("queue", "list").stderr == "The queue is empty.\n"
    assert "No message like that" in shell.run("queue", "list", "--to", "x.test").stderr
    assert shell.json("queue", "list") == []
    assert "There are no relays with 'x'." in shell.run("relay", "list", "--search", "x").stderr
