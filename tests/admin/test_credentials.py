from collections.abc import Callable

import pytest

from postroom.admin import accounts, credentials, domains
from postroom.admin.office import Office
from postroom.errors import AlreadyExists, Invalid, NotFound
from tests.admin.bureau import Story, logs_in, receivers
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]


def in_demo(tell: Tell, rest: Story) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, "alice@demo.test", password="secret")
        await rest(office, clock)

    tell(story)


def test_a_new_password_replaces_the_old(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        assert await logs_in(office, "alice@demo.test", "secret")
        await credentials.set_password(office, "alice@demo.test", "e\u0301clair\u00a0x")
        assert not await logs_in(office, "alice@demo.test", "secret")
        assert await logs_in(office, "alice@demo.test", "éclair x")
        with pytest.raises(Invalid):
            await credentials.set_password(office, "alice@demo.test", "")
        with pytest.raises(NotFound):
            await credentials.set_password(office, "bob@demo.test", "secret")

    in_demo(tell, story)


def test_app_passwords_are_made_listed_and_taken_back(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        every = await credentials.add_app(office, "alice@demo.test", " phone ")
        some = await credentials.add_app(office, "alice@demo.test", "scanner", ["smtp"])
        assert await logs_in(office, "alice@demo.test", every, "sieve")
        assert await logs_in(office, "alice@demo.test", some, "smtp")
        assert not await logs_in(office, "alice@demo.test", some, "imap")
        assert not await logs_in(office, "alice@demo.test", every, "web")
        listed = await credentials.apps(office, "alice@demo.test")
        assert [(one.label, one.scopes) for one in listed] == [
            ("phone", ("imap", "pop3", "sieve", "smtp")),
            ("scanner", ("smtp",)),
        ]
        await credentials.remove_app(office, "alice@demo.test", "phone")
        assert not await logs_in(office, "alice@demo.test", every, "sieve")
        assert await logs_in(office, "alice@demo.test", "secret")

    in_demo(tell, story)


def test_what_makes_no_sense_is_refused(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        for label, scopes in [
            ("", []),
            ("x" * 101, []),
            ("a\nb", []),
            ("x", ["web"]),
            ("x", ["*"]),
        ]:
            with pytest.raises(Invalid):
                await credentials.add_app(office, "alice@demo.test", label, scopes)
        await credentials.add_app(office, "alice@demo.test", "x")
        with pytest.raises(AlreadyExists):
            await credentials.add_app(office, "alice@demo.test", "x")
        with pytest.raises(NotFound):
            await credentials.remove_app(office, "alice@demo.test", "y")

    in_demo(tell, story)


def test_nobody_logs_in_to_the_holding_account(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        assert await receivers(office, "postmaster@demo.test") == 1
        for attempt in (
            credentials.set_password(office, "postmaster@demo.test", "secret"),
            credentials.add_app(office, "postmaster@demo.test", "x"),
        ):
            with pytest.raises(Invalid, match="only holds mail"):
                await attempt

    in_demo(tell, story)


def test_made_up_passwords_differ() -> None:
    assert credentials.random_password() != credentials.random_password()
