"""Many people at once: added from a list as CSV, disabled, enabled.

All of them or none: what stands in the way is found before the first one is touched.
"""

import csv
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from postroom.admin import accounts, credentials, names, reach
from postroom.admin.moving import lists
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import accounts as rows, addresses, passwords
from postroom.errors import Invalid, NotAllowed, NotFound, Refused

MOST: Final = 200
COLUMNS: Final = ("address", "name", "quota", "password")


class Line(msgspec.Struct, frozen=True):
    """One person of a list; ``quota`` in octets. Without a ``password`` one is made up."""

    number: int
    address: str
    name: str
    quota: int
    password: str

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Line({self.number}, {self.address!r})"


class Fault(msgspec.Struct, frozen=True):
    """A line that can't be had, and why."""

    number: int
    what: str
    reason: str


class Added(msgspec.Struct, frozen=True):
    """An account that was made; ``password`` only when it was made up."""

    address: str
    password: str


class Outcome(msgspec.Struct, frozen=True):
    """Who was added, and what was refused. Usually one of them is empty."""

    added: list[Added]
    faults: list[Fault]


def read(text: str) -> tuple[list[Line], list[Fault]]:
    """The lines of a list: address, name, quota (``10 GB``), password; all but the first may lack.

    A first line that names the columns is passed over. Raises Invalid for no list, or too long.
    """
    found: list[Line] = []
    faults: list[Fault] = []
    lines = text.removeprefix("\ufeff").splitlines()
    between = lists.delimiter(next(filter(str.strip, lines), ""))
    reader = csv.reader(lines, delimiter=between, skipinitialspace=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells) or (not found and not faults and cells[0].lower() == COLUMNS[0]):
                continue
            if len(found) + len(faults) >= MOST:
                raise Invalid(f"a list has at most {MOST} people: cut it into several")
            one = _line(reader.line_num, cells)
            (found if isinstance(one, Line) else faults).append(one)  # type: ignore[arg-type]
    except csv.Error as error:
        raise Invalid(f"line {reader.line_num} is no CSV: {error}") from None
    if not found and not faults:
        raise Invalid("the list is empty: write a line for each person, the address first")
    return found, faults


async def add(office: Office, text: str, *, within: int | None = None) -> Outcome:
    """Open a mailbox for everybody on a list; with any fault, for nobody. Raises Invalid.

    ``within``: only in the domains of this administrator.
    """
    found, faults = read(text)
    checked = await office.directory.look(lambda tx: list(_faults(tx, found, within)))
    faults = sorted([*faults, *checked], key=lambda fault: fault.number)
    added: list[Added] = []
    if faults:
        return Outcome(added, faults)
    for line in found:
        password = line.password or credentials.random_password()
        try:
            made = await accounts.add(
                office, line.address, password=password, name=line.name, quota=line.quota
            )
        except Refused as error:  # somebody else took the address meanwhile
            faults.append(Fault(line.number, line.address, str(error)))
        else:
            added.append(Added(made.address, "" if line.password else password))
    return Outcome(added, faults)


async def set_disabled(
    office: Office,
    chosen: Sequence[str],
    *,
    disabled: bool,
    own: int,
    within: int | None = None,
) -> None:
    """Disable or enable everybody chosen. Nobody disables themselves (``own``).

    ``within``: whom this administrator may change. Raises NotFound, NotAllowed.
    """
    if not chosen:
        raise Invalid("nobody was chosen: tick the people first")

    def test(tx: Tx) -> None:
        for text in chosen:
            if within is not None and not reach.reaches(tx, within, "account", text):
                raise NotFound(f"there is no {text} in your domains")
            if within is not None and not reach.may_touch(tx, within, text):
                raise NotAllowed(f"{text} may do more than you: an owner can change it")
            account = rows.require(tx, names.address(text))
            if disabled and account.id == own:
                raise NotAllowed("you would lock yourself out: leave your own account unticked")

    await office.directory.look(test)
    for text in chosen:
        await accounts.change(office, text, disabled=disabled)


def _line(number: int, cells: Sequence[str]) -> Line | Fault:
    if len(cells) > len(COLUMNS):
        return Fault(number, cells[0], f"it has more than {', '.join(COLUMNS)}")
    address, name, quota, password = [*cells, "", "", ""][: len(COLUMNS)]
    octets = lists.size(quota)
    if octets is None:
        return Fault(number, address, f"{quota[:40]} is no size; write it like 500 MB or 10 GB")
    return Line(number, address, name, octets, password)


def _faults(tx: Tx, lines: Sequence[Line], within: int | None) -> Iterator[Fault]:
    seen: dict[tuple[int, str], int] = {}
    for line in lines:
        try:
            address = names.address(line.address)
            if within is not None and not reach.reaches(tx, within, "name", line.address):
                raise NotFound(f"{address.domain} is none of your domains")
            own = addresses.room(tx, address)
            accounts.test_values(line.name, line.quota, 0, None)
            if line.password:
                passwords.prepare(line.password)
                credentials.require_strong(line.address, line.password, line.name)
            key = (own.id, own.policy.canonical(address.local))
            if (first := seen.setdefault(key, line.number)) != line.number:
                raise Invalid(f"line {first} has the same address")
        except Refused as error:
            yield Fault(line.number, line.address, str(error))
