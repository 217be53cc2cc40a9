"""The steps that an account of a file needs."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, Literal

import msgspec

from postroom.admin import (
    accounts,
    fetching,
    forwards,
    masks,
    retention,
    roles,
    sending,
    spam,
    suppression,
)
from postroom.admin.accounts import KnownPassword
from postroom.admin.apply import checking
from postroom.admin.apply.items import (
    AccountItem,
    FetchItem,
    Forwarding,
    MaskItem,
    PasswordItem,
    RetentionItem,
    RuleItem,
    ScriptItem,
    VacationItem,
)
from postroom.admin.apply.steps import Run, Step, StepView, change, differences, doing
from postroom.admin.fetching import FetchingView
from postroom.admin.filters import rules, scripts, senders, vacations
from postroom.admin.mailboxes import digest
from postroom.admin.moving.remote import Remote
from postroom.admin.office import Office
from postroom.directory import suppressions
from postroom.directory.accounts import Scram
from postroom.directory.passwords import ScramPair
from postroom.directory.vacations import Vacation
from postroom.store.retention import Said

Change = Callable[[str], Awaitable[object]]
Setter = Callable[[Office, str, Any, Any], Awaitable[object]]

_FIRST: Final = ("name", "quota", "message_quota", "disabled")  # an account is made with them
_SIMPLE: Final = {*_FIRST, "send_limit"}
_NEW: Final = AccountItem(
    address="", name="", role="person", administers=(), quota=0, message_quota=0,
    send_limit="default", disabled=False, addresses=(), send_as=(), block=(), allow=(),
    forward=Forwarding(to=()), retention=(), rule=(), mask=(), script=(),
    vacation=VacationItem(text=""), spam_level="normal", digest="usual",
    suppression="default", suppress=(),
    fetch=(),
)  # fmt: skip


def steps(
    one: AccountItem, now: AccountItem | None, index: int, usual_quota: int = 0
) -> Iterator[Step]:
    """What makes an account as the file says; ``now`` is None for one that is not there.

    ``usual_quota`` is what new ones get in its domain where none is named.
    """
    address = now.address if now else one.address
    said = differences(one, now or _NEW, set(one.__struct_fields__) - {"address", "password"})
    item = ("account", index)
    if now is None:
        first = {name: said.pop(name) for name in _FIRST if name in said}
        known = None if one.password is None else _known(one.password)
        run = doing(accounts.add, address, password=None, known=known, **first)
        yield Step(StepView("add", "account", address, tuple(first)), run, item)
        now = _NEW
        if one.quota == 0 and usual_quota:
            now, said["quota"] = msgspec.structs.replace(_NEW, quota=usual_quota), 0
    if simple := {name: value for name, value in said.items() if name in _SIMPLE}:
        run = doing(accounts.change, address, **simple)
        yield Step(change("account", address, now, simple), run, item)
    if {"role", "administers"} & set(said):
        powers = {name: said[name] for name in ("role", "administers") if name in said}
        yield Step(change("account", address, now, powers), _role(one, now, address), item)
    for name, setter in _SETTERS:
        if name in said:
            run = doing(setter, address, said[name], getattr(now, name))
            yield Step(change("account", address, now, {name: said[name]}), run, item)


def _role(one: AccountItem, now: AccountItem, address: str) -> Run:
    role = one.role or now.role or "person"
    owned = one.administers if one.administers is not None else now.administers
    return doing(roles.assign, address, role, (owned if role == "admin" else ()) or ())


def _known(one: PasswordItem) -> KnownPassword:
    return KnownPassword(
        one.hash.encode(),
        Scram(checking.octets(one.salt), one.rounds),
        ScramPair(checking.octets(one.stored_key), checking.octets(one.server_key)),
    )


async def _set_names(
    add: Change, remove: Change, wanted: Sequence[str], now: Sequence[str]
) -> None:
    for one in now:
        if one not in wanted:
            await remove(one)
    for one in wanted:
        if one not in now:
            await add(one)


async def _set_addresses(
    office: Office, address: str, wanted: Sequence[str], now: Sequence[str]
) -> None:
    add, remove = accounts.add_address, accounts.remove_address
    await _set_names(partial(add, office, address), partial(remove, office, address), wanted, now)


async def _set_send_as(
    office: Office, address: str, wanted: Sequence[str], now: Sequence[str]
) -> None:
    grant, revoke = sending.grant, sending.revoke
    await _set_names(partial(grant, office, address), partial(revoke, office, address), wanted, now)


async def _set_senders(
    which: Literal["block", "allow"],
    office: Office,
    address: str,
    wanted: Sequence[str],
    now: Sequence[str],
) -> None:
    there = set((await senders.show(office, address, which)).senders)  # the other list takes some
    if less := [one for one in now if one not in wanted and one in there]:
        await senders.remove(office, address, which, less)
    if more := [one for one in wanted if one not in there]:
        await senders.add(office, address, which, more)


async def _set_forward(
    office: Office, address: str, wanted: Forwarding, now: Forwarding | None
) -> None:
    if wanted.to:
        await forwards.change(office, address, to=wanted.to, keep=wanted.keep)
    elif now is not None and now.to:
        await forwards.end(office, address)


async def _set_retention(
    office: Office, address: str, wanted: Sequence[RetentionItem], _now: object
) -> None:
    said = {one.mailbox: Said(one.days, one.own_days) for one in wanted}
    await retention.replace(office, address, said)


async def _set_rules(
    office: Office, address: str, wanted: Sequence[RuleItem], _now: object
) -> None:
    made = [checking.rule_of(one) for one in wanted]
    await rules.replace(office, address, made)


async def _set_masks(
    office: Office, address: str, wanted: Sequence[MaskItem], now: Sequence[MaskItem]
) -> None:
    there = {one.address: one for one in now}
    for gone in set(there) - {one.address for one in wanted}:
        await masks.remove(office, gone)
    for one in wanted:
        if one.address not in there:
            await masks.bring(office, address, one.address, label=one.label, is_on=one.on)
        elif one != there[one.address]:
            await masks.change(office, one.address, label=one.label, is_on=one.on)


async def set_scripts(
    office: Office, account: str, wanted: Sequence[ScriptItem], now: Sequence[ScriptItem]
) -> None:
    """Let an account, or the site, have these scripts and no others."""
    there = {one.name: one for one in now}
    active = next((one.name for one in wanted if one.active), None)
    for one in wanted:
        before = there.get(one.name)
        if before is None or before.text != one.text:
            await scripts.put(office, account, one.name, one.text.encode(), active=one.active)
        elif one.active and not before.active:
            await scripts.activate(office, account, one.name)
    if active is None and any(one.active for one in now):
        await scripts.deactivate(office, account)
    for gone in set(there) - {one.name for one in wanted}:
        await scripts.remove(office, account, gone)


async def _set_vacation(
    office: Office, address: str, wanted: VacationItem, _now: VacationItem
) -> None:
    if not wanted.text:
        await vacations.end(office, address)
        return
    away = Vacation(
        wanted.text, wanted.subject, wanted.begins, wanted.ends, wanted.days, wanted.addresses
    )
    await vacations.change(office, address, away)


async def _set_spam_level(office: Office, address: str, wanted: str, _now: object) -> None:
    await spam.set_level(office, address, wanted)


async def _set_digest(office: Office, address: str, wanted: digest.Choice, _now: object) -> None:
    await digest.choose(office, address, wanted)


async def _set_suppression(
    office: Office, address: str, wanted: suppression.Choice, _now: object
) -> None:
    await suppression.use(office, address, wanted)


async def _set_suppress(
    office: Office, address: str, wanted: Sequence[str], now: Sequence[str]
) -> None:
    new, old = set(wanted), set(now)
    await suppression.load(office, address, [one for one in wanted if one not in old])
    less = [one for one in now if one not in new]
    for start in range(0, len(less), suppressions.TOGETHER):
        await suppression.remove(office, address, less[start : start + suppressions.TOGETHER])


async def _set_fetchings(
    office: Office, address: str, wanted: Sequence[FetchItem], now: Sequence[FetchItem]
) -> None:
    new = [one for one in wanted if one not in now]
    stays = {_key(one) for one in wanted if one in now}
    there = [one async for one in fetching.every(office, address)]
    for one in there:
        if _key(one) not in stays:
            await fetching.remove(office, one.id)
    for item in new:
        remote = Remote(
            item.protocol, item.host, item.port, item.tls, item.login, item.password,
            item.token, item.verify,
        )  # fmt: skip
        how = fetching.Wanted(remote, item.folder, item.to, item.deletes, item.every)
        await fetching.bring(office, address, how)


def _key(one: FetchItem | FetchingView) -> tuple[str, str, str, str]:
    return one.protocol, one.host, one.login, one.folder


_SETTERS: Final[Sequence[tuple[str, Setter]]] = (
    ("addresses", _set_addresses),
    ("send_as", _set_send_as),
    ("block", partial(_set_senders, "block")),
    ("allow", partial(_set_senders, "allow")),
    ("forward", _set_forward),
    ("retention", _set_retention),
    ("rule", _set_rules),
    ("mask", _set_masks),
    ("script", set_scripts),
    ("vacation", _set_vacation),
    ("spam_level", _set_spam_level),
    ("digest", _set_digest),
    ("suppression", _set_suppression),
    ("suppress", _set_suppress),
    ("fetch", _set_fetchings),
)
