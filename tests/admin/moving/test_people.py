"""Wishes are compared with what is here, and made."""

import base64
import hashlib
from collections.abc import Callable

from postroom.admin import accounts, domains
from postroom.admin.moving import people
from postroom.admin.moving.lists import CatchAll, Home, Other, Person, Skipped, Wish
from postroom.admin.office import Office
from tests.admin.bureau import Story, logs_in, receivers
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.store.letters import query

Tell = Callable[[Story], None]

HASH = (
    "{SSHA256}"
    + base64.b64encode(hashlib.sha256(b"old word" + b"salt").digest() + b"salt").decode()
)
WISHES: list[Wish] = [
    CatchAll("demo.test", "alice@demo.test"),
    Other("info@demo.test", ("alice@demo.test", "x@else.test")),
    Skipped("line 3", "why"),
    Person("alice@demo.test", "Alice", password="long enough", quota=1 << 30),
    Person("bob@demo.test", hash=HASH),
    Person("carol@other.test"),
    Home("demo.test"),
]


def test_a_trial_says_what_would_be_made(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        trial = await people.bring(office, WISHES, is_trial=True)
        assert await office.store.read(query, "SELECT count(*) FROM domain") == [(0,)]
        done = await people.bring(office, WISHES)
        assert done.steps == trial.steps
        assert [(one.what, one.name, one.password) for one in done.steps] == [
            ("domain", "demo.test", ""), ("domain", "other.test", ""),
            ("account", "alice@demo.test", "known"), ("account", "bob@demo.test", "hash"),
            ("account", "carol@other.test", "none"), ("alias", "info@demo.test", ""),
            ("catch-all", "demo.test", ""),
        ]  # fmt: skip
        assert done.without_password == ["carol@other.test"]
        assert done.skipped == [Skipped("line 3", "why")]
        assert await receivers(office, "info@demo.test") == 2
        assert await receivers(office, "whoever@demo.test") == 1
        assert (await accounts.show(office, "alice@demo.test")).quota == 1 << 30

    tell(story)


def test_passwords_of_before_open_the_door(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await people.bring(office, WISHES)
        assert await logs_in(office, "alice@demo.test", "long enough")
        assert not await logs_in(office, "bob@demo.test", "other word")
        kept = "SELECT verifier, stored_key FROM credential ORDER BY created, id"
        before = (await office.store.read(query, kept))[-1]
        assert bytes(before[0]) == HASH.encode()
        assert await logs_in(office, "bob@demo.test", "old word")
        after = (await office.store.read(query, kept))[-1]
        assert bytes(after[0]).startswith(b"$argon2id$")
        assert after[1] != before[1]
        assert await logs_in(office, "bob@demo.test", "old word")
        assert not await logs_in(office, "bob@demo.test", "other word")
        assert not await logs_in(office, "carol@other.test", "")

    tell(story)


def test_what_is_there_stays_as_it_is(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, "alice@demo.test", password="my own word")
        await people.bring(office, WISHES)
        assert await logs_in(office, "alice@demo.test", "my own word")
        again = await people.bring(office, WISHES)
        assert again.steps == []
        assert sorted(again.there) == [
            "@demo.test", "alice@demo.test", "bob@demo.test", "carol@other.test", "demo.test",
            "info@demo.test", "other.test",
        ]  # fmt: skip

    tell(story)


def test_what_is_refused_does_not_stop_the_rest(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        wishes: list[Wish] = [
            Person("alice@demo.test", password="\x07"),
            Person("bob@demo.test", password="long enough"),
            Home("-bad-.test"),
        ]
        done = await people.bring(office, wishes)
        assert [one.what for one in done.skipped] == ["-bad-.test", "alice@demo.test"]
        assert await logs_in(office, "bob@demo.test", "long enough")

    tell(story)
