"""Accounts without a whole server, and programs that follow them by /changes only."""

from collections.abc import Callable

from postroom.access import rights as letters
from postroom.access.places import Places
from postroom.directory.reach import Owner
from postroom.store.store import Store
from postroom.web.jmap import changes, states
from postroom.web.jmap.account import Account
from postroom.web.jmap.changes import Kind, Told
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.outline import Outline, outline_of
from tests.access.shop import Person

Seen = tuple[tuple[int, ...], int, frozenset[str]]


def account_of(store: Store, number: int = 1) -> Account:
    """An account that its owner uses."""
    person = Person(number)
    return Account(person, number, f"{number}@demo.test", store, Places(person, store))


def shared_with(
    store: Store,
    member: int,
    number: int = 1,
    rights: frozenset[str] = letters.ALL,
    mailboxes: dict[int, frozenset[str]] | None = None,
) -> Account:
    """An account as somebody uses it whom it is shared with."""
    person = Person(member)
    owner = Owner(number, f"{number}@demo.test", rights, mailboxes or {})
    return Account(person, number, owner.address, store, Places(person, store), owner)


def emails_of(outline: Outline) -> dict[int, Seen]:
    """Every Email, with what of it can change."""
    ids = {ident for box in outline.boxes.values() for ident in box.ids}
    found = {ident: email for ident in ids if (email := outline.email(ident)) is not None}
    return {
        ident: (email.mailboxes, email.flags & 23, email.words) for ident, email in found.items()
    }


def threads_of(outline: Outline) -> dict[int, list[int]]:
    """Every Thread, with its Emails."""
    return outline.of_threads({ident for box in outline.boxes.values() for ident in box.threads})


class Follower:
    """Knows what it was told, and gets only what it was told to get."""

    def __init__(self, kind: Kind, take: Callable[[Outline], dict[int, object]]) -> None:
        self.kind = kind
        self._take = take
        self.known: dict[int, object] = {}
        self.state = ""
        self.resets = 0
        self.is_strict = True  # what was never there is not told as gone

    async def begin(self, account: Account) -> None:
        """Get everything."""
        outline = await outline_of(account)
        self.known = self._take(outline)
        self.state = states.pack_emails(states.of_outline(outline))

    async def step(self, account: Account, most: int) -> bool:
        """Ask for changes once; whether there are more."""
        is_exact = "~" not in self.state
        try:
            told = await changes.told(account, self.state, most, self.kind)
        except MethodError as error:
            assert error.kind == "cannotCalculateChanges"
            self.resets += 1
            await self.begin(account)
            return False
        assert len(told.created) + len(told.updated) + len(told.destroyed) <= most
        if is_exact:
            self._check(told)
        now = self._take(await outline_of(account))
        for ident in (*told.created, *told.updated):
            if ident in now:
                self.known[ident] = now[ident]
            else:
                self.known.pop(ident, None)
        for ident in told.destroyed:
            self.known.pop(ident, None)
        self.state = told.state
        return told.has_more

    def _check(self, told: Told) -> None:
        """What is told to be new is new, and what is told to be gone was there."""
        assert self.known.keys().isdisjoint(told.created)
        assert self.known.keys() >= set(told.updated)
        assert self.known.keys() >= set(told.destroyed) or not self.is_strict

    async def catch_up(self, account: Account, most: int = 100) -> None:
        """Ask until nothing is left."""
        while await self.step(account, most):
            pass


def followers() -> list[Follower]:
    """One of Emails and one of Threads."""
    return [Follower("emails", emails_of), Follower("threads", threads_of)]  # type: ignore[arg-type]
