"""VRFY and EXPN: nothing for strangers, RFC 5321 §3.5 for others."""

import asyncio
from pathlib import Path

import pytest

from postroom.intake import verify
from tests.conftest import Opener
from tests.intake.desk import Desk, desk, said

NAMES = ["bob", "bob@local.test", "nobody", "nobody@local.test", "x@other.test", "@", "", "list"]


class Silent:
    """A directory that must not be asked."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was asked")


def test_strangers_learn_nothing_and_nobody_is_asked(database: Opener, data: Path) -> None:
    """D4: the same octets, and no look-up that could take time."""

    async def run() -> None:
        async with desk(database, data) as here:
            here.change(directory=Silent())
            for door in ("smtp", "lmtp", "submission"):
                for relay in (False, True):
                    one = here.open(door, relay=relay, address="127.0.0.1")
                    assert {(await one.vrfy(name)).encode() for name in NAMES} == {
                        verify.UNTOLD.encode()
                    }
                    assert {(await one.expn(name)).encode() for name in NAMES} == {
                        verify.UNTOLD_LIST.encode()
                    }
                    assert said(await one.verb()) == "502 5.7.0"
        assert said(verify.UNTOLD) == said(verify.UNTOLD_LIST) == "252 2.0.0"

    asyncio.run(run())


async def fill(here: Desk) -> None:
    await here.town.domain("second.test")
    await here.town.account("bob@second.test", name='O"Neil, Bob')
    await here.town.account("eve@local.test")
    await here.town.disable("eve@local.test")
    await here.town.alias("list@local.test", "alice@local.test", "v@other.test")
    await here.town.alias("idle@local.test", "eve@local.test")
    await here.town.account("jo@local.test", name="Jörg")
    await here.town.account("straße@local.test", name="Jörg")
    await here.town.alias("abroad@local.test", "alice@local.test", "straße@local.test")
    await here.town.alias("secret@local.test", "alice@local.test", hidden=True)


VRFY = [
    ("alice", "250 2.1.5", "Alice A <alice@local.test>"),
    ("ALICE@local.test", "250 2.1.5", "Alice A <alice@local.test>"),
    ("<alice@local.test>", "250 2.1.5", "Alice A <alice@local.test>"),
    ("alice+x@local.test", "250 2.1.5", "<alice+x@local.test>"),
    ("bob@second.test", "250 2.1.5", '"O\\"Neil, Bob" <bob@second.test>'),
    ("list@local.test", "250 2.1.5", "<list@local.test>"),
    ("list", "250 2.1.5", "<list@local.test>"),
    ("Postmaster", "250 2.1.5", "<postmaster@local.test>"),
    ("<Postmaster>", "250 2.1.5", "<postmaster@local.test>"),
    ("abuse@mx.local.test", "250 2.1.5", "<postmaster@local.test>"),
    ('"alice"', "250 2.1.5", "Alice A <alice@local.test>"),
    ('"al\\ice"', "250 2.1.5", "Alice A <alice@local.test>"),
    ('"alice@local.test"', "550 5.1.1", None),
    ("idle@local.test", "550 5.1.1", None),
    ("jo@local.test", "250 2.1.5", "<jo@local.test>"),
    ("straße@local.test", "252 2.6.8", None),
    ("postmaster@local.test", "250 2.1.5", "<postmaster@local.test>"),
    ("bob", "553 5.1.4", None),
    ("nobody", "550 5.1.1", None),
    ("nobody@local.test", "550 5.1.1", None),
    ("eve@local.test", "550 5.1.1", None),
    ("a b@local.test", "553 5.1.3", None),
    ("' OR 1=1 --", "550 5.1.1", None),
    ("", "550 5.1.1", None),
]
EXPN = [
    ("list@local.test", "250 2.1.5", ["Alice A <alice@local.test>", "<v@other.test>"]),
    ("LIST", "250 2.1.5", ["Alice A <alice@local.test>", "<v@other.test>"]),
    ("alice", "250 2.1.5", ["Alice A <alice@local.test>"]),
    ("postmaster", "250 2.1.5", ["<postmaster@local.test>"]),
    ("postmaster@mx.local.test", "250 2.1.5", ["<postmaster@local.test>"]),
    ("alice@mx.local.test", "551 5.1.6", None),
    ("abroad@local.test", "252 2.6.8", None),
    ("secret@local.test", "550 5.7.1", None),
    ("secret", "550 5.7.1", None),
    ("nobody", "550 5.1.1", None),
    ("nobody@local.test", "550 5.1.1", None),
    ("bob", "553 5.1.4", None),
    ("x@other.test", "551 5.1.6", None),
    ("@", "553 5.1.3", None),
]


@pytest.mark.parametrize("who", ["trusted", "logged in"])
def test_who_may_ask_is_told(database: Opener, data: Path, who: str) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await fill(here)
            one = here.open(trusted=True) if who == "trusted" else await here.logged_in(here.bob)
            for name, expected, text in VRFY:
                answer = await one.vrfy(name)
                assert (name, said(answer)) == (name, expected)
                if text:
                    assert answer.lines == (text,)
            for name, expected, lines in EXPN:
                answer = await one.expn(name)
                assert (name, said(answer)) == (name, expected)
                if lines:
                    assert list(answer.lines) == lines
            answer = await one.vrfy("bob")
            assert answer.lines[1:] == ("<bob@local.test>", "<bob@second.test>")
            answer = await one.vrfy("straße@local.test", utf8=True)
            assert answer.lines == ("Jörg <straße@local.test>",)
            answer = await one.expn("abroad@local.test", utf8=True)
            assert answer.lines[1:] == ("Jörg <straße@local.test>",)
            elsewhere = await one.vrfy("x@other.test")
            assert said(elsewhere) == ("551 5.1.6" if who == "trusted" else "251 2.1.5")
            assert "<x@other.test>" in elsewhere.lines[0]

    asyncio.run(run())
