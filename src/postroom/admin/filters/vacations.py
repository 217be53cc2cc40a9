"""The answer of an account while its owner is away: set, shown, ended."""

import datetime as dt
from collections.abc import Callable
from typing import Final

import msgspec

from postroom.access.scripts import VACATION_TWICE
from postroom.admin import names
from postroom.admin.credentials import is_holding
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, scripts, sieve_text, vacations
from postroom.directory.accounts import Account
from postroom.directory.vacations import Vacation
from postroom.errors import Invalid, NotFound
from postroom.sieve.compiler import compile_script
from postroom.sieve.problems import ScriptError

MAX_TEXT: Final = 10_000  # characters
MAX_HTML: Final = 20_000
MAX_SUBJECT: Final = 200
MAX_ADDRESSES: Final = 50
MAX_DAYS: Final = 90


class VacationView(msgspec.Struct, frozen=True):
    """The vacation of an account; ``warning`` when its active script answers too."""

    account: str
    text: str
    subject: str
    begins: str
    ends: str
    days: int
    addresses: tuple[str, ...]
    warning: str


async def show(office: Office, account: str) -> VacationView:
    """What the account answers. Raises NotFound when it answers nothing."""
    name = names.address(account)
    return await office.directory.look(lambda tx: _view(tx, accounts.require(tx, name)))


async def sieve(office: Office, account: str) -> str:
    """The Sieve that the vacation is. Raises NotFound."""
    name = names.address(account)
    return await office.directory.look(
        lambda tx: sieve_text.vacation_text(_require(tx, accounts.require(tx, name)))
    )


@recorded("vacation.set", "account")
async def change(office: Office, account: str, away: Vacation) -> VacationView:
    """Answer letters so, in place of what was answered before.

    Days are YYYY-MM-DD in UTC. Raises Invalid.
    """
    away = _checked(away)
    name = names.address(account)

    def write(tx: Tx) -> VacationView:
        found = accounts.require(tx, name)
        if found.kind == "holding":
            raise is_holding(found)
        vacations.put(tx, found.id, away)
        return _view(tx, found)

    return await office.directory.change(write)


async def kept(office: Office, account: str) -> Vacation | None:
    """What is kept of the answer of an account, also while it answers nothing."""
    name = names.address(account)
    return await office.directory.look(lambda tx: vacations.kept(tx, accounts.require(tx, name).id))


@recorded("vacation.set", "account")
async def amend(office: Office, account: str, amended: Callable[[Vacation], Vacation]) -> Vacation:
    """Change what is kept of it, without any text too: as it is now. Raises Invalid."""
    name = names.address(account)

    def write(tx: Tx) -> Vacation:
        found = accounts.require(tx, name)
        if found.kind == "holding":
            raise is_holding(found)
        before = vacations.kept(tx, found.id) or Vacation("", is_enabled=False)
        after = _checked(amended(before), needs_text=False)
        vacations.put(tx, found.id, after)
        return after

    return await office.directory.change(write)


@recorded("vacation.end", "account")
async def end(office: Office, account: str) -> None:
    """Answer no more. Raises NotFound when nothing was answered."""
    name = names.address(account)

    def write(tx: Tx) -> None:
        found = accounts.require(tx, name)
        _require(tx, found)
        vacations.remove(tx, found.id)

    await office.directory.change(write)


def _require(tx: Tx, account: Account) -> Vacation:
    found = vacations.of(tx, account.id)
    if found is None:
        raise NotFound(
            f"{account.address} answers nothing; run: postroom vacation set {account.address}"
        )
    return found


def _view(tx: Tx, account: Account) -> VacationView:
    away, active = _require(tx, account), scripts.active(tx, account.id)
    return VacationView(
        account=str(account.address),
        text=away.text,
        subject=away.subject,
        begins=away.begins,
        ends=away.ends,
        days=away.days,
        addresses=away.addresses,
        warning=VACATION_TWICE if active and _answers(active[1]) else "",
    )


def _checked(away: Vacation, *, needs_text: bool = True) -> Vacation:
    begins, ends = _day(away.begins), _day(away.ends)
    if begins and ends and (ends, away.ends_at or "~") <= (begins, away.begins_at):
        raise Invalid(f"the vacation ends on {ends}, before it begins on {begins}")
    if not 1 <= away.days <= MAX_DAYS:
        raise Invalid(f"between two answers to the same sender are 1 to {MAX_DAYS} days")
    if len(away.addresses) > MAX_ADDRESSES:
        raise Invalid(f"a vacation has at most {MAX_ADDRESSES} further addresses")
    addresses = tuple(dict.fromkeys(str(names.address(one)) for one in away.addresses))
    return msgspec.structs.replace(
        away,
        text=_text(away.text) if needs_text or away.text else "",
        subject=_subject(away.subject),
        begins=begins,
        ends=ends,
        addresses=addresses,
        html=_html(away.html),
    )


def _answers(script: str) -> bool:
    try:
        return "vacation" in compile_script(script.encode()).extensions
    except ScriptError:
        return False


def _text(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > MAX_TEXT:
        raise Invalid(f"the text of an answer has 1 to {MAX_TEXT} characters")
    if not all(letter.isprintable() or letter in "\n\t" for letter in text):
        raise Invalid("the text of an answer holds no control characters")
    return text


def _html(html: str) -> str:
    html = html.replace("\r\n", "\n")
    if len(html) > MAX_HTML:
        raise Invalid(f"the HTML of an answer has at most {MAX_HTML} characters")
    if not all(letter.isprintable() or letter in "\n\t" for letter in html):
        raise Invalid("the HTML of an answer holds no control characters")
    return html


def _subject(subject: str) -> str:
    subject = subject.strip()
    if len(subject) > MAX_SUBJECT or not subject.isprintable():
        raise Invalid(f"a subject has at most {MAX_SUBJECT} printable characters")
    return subject


def _day(text: str) -> str:
    if not text:
        return ""
    try:
        return dt.date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise Invalid(f"{text!r} is no day; write it as 2026-12-24") from None
