"""Accounts and aliases of a list are compared with what is here, and made.

What is here already is never changed, so doing it again does nothing. A password comes along
when it is known, or when its hash can be tested here; the others are named, to be set anew.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from postroom.admin import accounts, aliases, credentials, domains, names
from postroom.admin.domains import DomainChanges
from postroom.admin.moving.lists import CatchAll, Home, Other, Person, Skipped, Wish
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import addresses, domains as domain_rows
from postroom.errors import AlreadyExists, MailError, Refused

_RANK: Final[list[type]] = [Person, Other, CatchAll, Skipped]

What = Literal["domain", "account", "alias", "catch-all"]


class Step(msgspec.Struct, frozen=True):
    """Something to be made. ``password``: known, hash, or none."""

    what: What
    name: str
    detail: str = ""
    password: Literal["known", "hash", "none", ""] = ""


class Outcome(msgspec.Struct, frozen=True):
    """What is made, or was; what is there already; what can't be, and why.

    ``without_password`` are accounts that nobody can log in to before one is set.
    """

    is_done: bool
    steps: list[Step]
    there: list[str]
    skipped: list[Skipped]
    without_password: list[str]


async def bring(
    office: Office,
    wishes: Sequence[Wish],
    *,
    is_trial: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Outcome:
    """Make what is not there yet; with ``is_trial`` only say what that would be."""
    outcome = Outcome(not is_trial, [], [], [], [])
    ordered = _ordered(wishes)
    for number, wish in enumerate(ordered, 1):
        try:
            await _one(office, wish, outcome, is_trial=is_trial)
        except AlreadyExists:
            outcome.there.append(_name(wish))
        except (Refused, MailError) as error:
            outcome.skipped.append(Skipped(_name(wish), str(error)))
        progress(number, len(ordered))
    return outcome


def _ordered(wishes: Sequence[Wish]) -> list[Wish]:
    """Domains first, then people, then what names them; each once."""
    homes = {one.name.lower(): one for one in wishes if isinstance(one, Home) and one.name}
    for one in wishes:
        if isinstance(one, Person | Other):
            name = one.address.rpartition("@")[2]
            homes.setdefault(name.lower(), Home(name))
        elif isinstance(one, CatchAll):
            homes.setdefault(one.domain.lower(), Home(one.domain))
    rest = [one for one in wishes if not isinstance(one, Home)]
    return [*homes.values(), *sorted(rest, key=lambda one: _RANK.index(type(one)))]


async def _one(office: Office, wish: Wish, outcome: Outcome, *, is_trial: bool) -> None:
    if isinstance(wish, Skipped):
        outcome.skipped.append(wish)
        return
    if await _is_there(office, wish):
        outcome.there.append(_name(wish))
        return
    if not is_trial:
        await _make(office, wish)
    step = _step(wish)
    if step.password == "none":  # noqa: S105 - there is none
        outcome.without_password.append(step.name)
    outcome.steps.append(step)


def _step(wish: Home | Person | Other | CatchAll) -> Step:
    match wish:
        case Home():
            return Step("domain", wish.name)
        case Person():
            known: Literal["known", "hash", "none"] = (
                "known" if wish.password else "hash" if wish.hash else "none"
            )
            return Step("account", wish.address, wish.name, known)
        case Other():
            return Step("alias", wish.address, ", ".join(wish.targets))
        case CatchAll():
            return Step("catch-all", wish.domain, wish.target)


async def _make(office: Office, wish: Home | Person | Other | CatchAll) -> None:
    match wish:
        case Home():
            await domains.add(office, wish.name)
        case Person():
            password = wish.password or None
            await accounts.add(
                office, wish.address, password=password, name=wish.name, quota=wish.quota
            )
            if wish.hash:
                await credentials.take_hash(office, wish.address, wish.hash)
        case Other():
            await aliases.add(office, wish.address, wish.targets)
        case CatchAll():
            await domains.change(office, wish.domain, DomainChanges(catch_all=wish.target))


async def _is_there(office: Office, wish: Home | Person | Other | CatchAll) -> bool:
    match wish:
        case Home():
            return await _has_domain(office, wish.name)
        case Person() | Other():
            return await _has_address(office, wish.address)
        case CatchAll():
            if not await _has_domain(office, wish.domain):
                return False
            return (await domains.show(office, wish.domain)).catch_all == wish.target


async def _has_domain(office: Office, name: str) -> bool:
    domain = names.domain(name)
    return await office.directory.look(lambda tx: domain_rows.find(tx, domain.ascii)) is not None


async def _has_address(office: Office, text: str) -> bool:
    address = names.address(text)

    def read(tx: Tx) -> bool:
        if domain_rows.find(tx, address.domain.ascii) is None:
            return False
        return addresses.find(tx, address) is not None

    return await office.directory.look(read)


def _name(wish: Wish) -> str:
    match wish:
        case Person() | Other():
            return wish.address
        case CatchAll():
            return f"@{wish.domain}"
        case Home():
            return wish.name
        case Skipped():
            return wish.what
