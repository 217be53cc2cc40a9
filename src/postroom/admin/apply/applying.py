"""A ``manifest`` made true: what differs from it becomes steps, which are shown and done.

What is not in the file stays, unless it is to be pruned. Steps go in the order in which things
need each other: domains, people, aliases, catch-alls, relays, rules, shares; removals last and
the other way round. Each step is an operation like any other, so a second run goes on where a
first one has ended.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import msgspec

from postroom.admin import (
    accounts,
    aliases,
    backup_domains,
    domains,
    forwards,
    names,
    retention,
    roles,
    sending,
    shares,
)
from postroom.admin.apply import checking, inventory
from postroom.admin.apply.manifest import (
    AccountItem,
    AliasItem,
    DomainItem,
    Forwarding,
    Item,
    LimitsItem,
    Manifest,
    PasswordItem,
    Places,
    RelayItem,
    RetentionItem,
    RuleItem,
    UseItem,
)
from postroom.admin.domains import DomainChanges
from postroom.admin.filters import rules, senders
from postroom.admin.office import Office
from postroom.admin.outgoing import relays, tls_rules
from postroom.admin.outgoing.relays import UseView, Wanted
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts as rows, credentials
from postroom.directory.accounts import Scram
from postroom.directory.allotments import Allotment
from postroom.directory.credentials import Credential
from postroom.directory.passwords import ScramPair
from postroom.directory.relays import UseKind
from postroom.errors import Invalid, MailError, Refused
from postroom.store.retention import Said

Action = Literal["add", "change", "remove"]
Change = Callable[[str], Awaitable[object]]


class StepView(msgspec.Struct, frozen=True):
    """Something to do; ``members`` are what changes."""

    action: Action
    kind: str
    name: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """The same with how it is done."""

    view: StepView
    run: Callable[[], Awaitable[object]]


class Applied(msgspec.Struct, frozen=True):
    """What was done, or (``dry``) would be."""

    dry: bool
    steps: tuple[StepView, ...]


async def apply(
    office: Office,
    wanted: Manifest,
    *,
    prune: bool = False,
    dry: bool = False,
    places: Places | None = None,
) -> Applied:
    """Make it so; ``prune`` removes what the file does not name. Raises Invalid, Refused.

    What can't be right is found before the first step: then nothing is done, and every fault is
    told with its place. When a step is refused all the same, the ones before it are done, and a
    second run goes on there.
    """
    now = await inventory.current(office)
    steps = list(
        _steps(office, checking.canonical(wanted, now, places or Places()), now, prune=prune)
    )
    if not dry:
        for number, step in enumerate(steps):
            try:
                await step.run()
            except (Refused, MailError) as error:
                one = step.view
                raise Refused(
                    f"{one.action} {one.kind} {one.name}: {error}"
                    f" ({number} of {len(steps)} steps are done; mend it and run it again)"
                ) from error
    return Applied(dry, tuple(step.view for step in steps))


def _steps(office: Office, wanted: Manifest, now: Manifest, *, prune: bool) -> Iterator[Step]:
    ordered = sorted(wanted.domain, key=lambda one: bool(one.alias_of))
    there = _There(now.domain)
    for domain in ordered:
        yield from _domain_steps(office, domain, there.find(domain))
    kept = _There(now.backup_domain)
    for backup in wanted.backup_domain:
        if kept.find(backup) is None:
            run = partial(backup_domains.add, office, backup.name)
            yield Step(StepView("add", "backup domain", backup.name), run)
    people, lists = _There(now.account), _There(now.alias)
    for account in wanted.account:
        yield from _account_steps(office, account, people.find(account))
    for alias in wanted.alias:
        yield from _alias_steps(office, alias, lists.find(alias))
    for domain in ordered:
        yield from _address_steps(office, domain, there.find(domain))
    there = _There(now.relay)
    for relay in wanted.relay:
        yield from _relay_steps(office, relay, there.find(relay))
    yield from _single_steps(office, wanted, now)
    if prune:
        yield from _removals(office, wanted, now)


def _single_steps(office: Office, wanted: Manifest, now: Manifest) -> Iterator[Step]:
    """Rules for TLS, and shares: each is put as a whole."""
    there = _There(now.tls_rule)
    for rule in wanted.tls_rule:
        if rule != (before := there.find(rule)):
            run = partial(tls_rules.put, office, rule.domain, rule.mode)
            yield Step(StepView("change" if before else "add", "tls rule", rule.domain), run)
    there = _There(now.share)
    for share in wanted.share:
        before = there.find(share)
        if before is None or sorted(before.rights) != sorted(share.rights):
            run_share = partial(shares.add, office, share.what, share.grantee, share.rights)
            yield Step(
                StepView("change" if before else "add", "share", checking.name_of(share)), run_share
            )


class _There:
    """Items by their names; where case is all that differs, they are the same."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._exact = {checking.name_of(one): one for one in items}
        self._folded = {checking.name_of(one).casefold(): one for one in items}

    def find(self, one: Item) -> Any:
        """What is there under the name of an item, or None."""
        name = checking.name_of(one)
        return self._exact.get(name) or self._folded.get(name.casefold())


def _domain_steps(office: Office, one: DomainItem, now: DomainItem | None) -> Iterator[Step]:
    if now is None:
        yield Step(
            StepView("add", "domain", one.name),
            partial(domains.add, office, one.name, alias_of=one.alias_of or None),
        )
        now = DomainItem(name=one.name, separators="+", case="insensitive", dots="significant")
    elif one.alias_of is not None and one.alias_of != (now.alias_of or ""):
        kind = f"an alias of {now.alias_of}" if now.alias_of else "no alias"
        raise Invalid(f"domain {one.name} is {kind} here; remove it first, or mend the file")
    said = _differences(one, now, {"separators", "case", "dots"})
    if said:
        changes = DomainChanges(**said)
        yield Step(
            StepView("change", "domain", one.name, tuple(said)),
            partial(domains.change, office, one.name, changes),
        )


def _address_steps(office: Office, one: DomainItem, now: DomainItem | None) -> Iterator[Step]:
    if one.catch_all is not None and one.catch_all != ((now and now.catch_all) or ""):
        changes = DomainChanges(catch_all=one.catch_all)
        yield Step(
            StepView("change", "domain", one.name, ("catch_all",)),
            partial(domains.change, office, one.name, changes),
        )
    if one.journal is not None and one.journal != ((now and now.journal) or ""):
        yield Step(
            StepView("change", "domain", one.name, ("journal",)),
            partial(domains.set_journal, office, one.name, one.journal),
        )
    if one.limits is not None and one.limits != ((now and now.limits) or LimitsItem()):
        limits = Allotment(**msgspec.structs.asdict(one.limits))
        yield Step(
            StepView("change", "domain", one.name, ("limits",)),
            partial(domains.set_limits, office, one.name, limits),
        )


_SIMPLE: Final = {"name", "quota", "message_quota", "send_limit", "disabled"}


def _account_steps(office: Office, one: AccountItem, now: AccountItem | None) -> Iterator[Step]:
    address = now.address if now else one.address
    if now is None:
        yield Step(
            StepView("add", "account", address),
            partial(_open, office, address, one.password),
        )
        now = AccountItem(
            address=address, name="", role="person", administers=(), quota=0, message_quota=0,
            send_limit="default", disabled=False, addresses=(), send_as=(), block=(), allow=(),
            forward=Forwarding(to=()), retention=(), rule=(),
        )  # fmt: skip
    said = _differences(one, now, set(one.__struct_fields__) - {"address", "password"})
    if simple := {name: value for name, value in said.items() if name in _SIMPLE}:
        yield _account_step(address, simple, partial(accounts.change, office, address, **simple))
    if {"role", "administers"} & set(said):
        role = one.role or now.role or "person"
        owned = one.administers if one.administers is not None else now.administers
        owned = owned if role == "admin" else ()
        run = partial(roles.assign, office, address, role, owned or ())
        yield _account_step(address, {"role": role}, run)
    for name, change in (
        (
            "addresses",
            partial(
                _set_names,
                partial(accounts.add_address, office, address),
                partial(accounts.remove_address, office, address),
            ),
        ),
        (
            "send_as",
            partial(
                _set_names,
                partial(sending.grant, office, address),
                partial(sending.revoke, office, address),
            ),
        ),
        ("block", partial(_set_senders, office, address, "block")),
        ("allow", partial(_set_senders, office, address, "allow")),
        ("forward", partial(_set_forward, office, address)),
        ("retention", partial(_set_retention, office, address)),
        ("rule", partial(_set_rules, office, address)),
    ):
        if name in said:
            yield _account_step(address, [name], partial(change, said[name], getattr(now, name)))


def _account_step(
    address: str, members: Iterator[str] | Mapping[str, object] | list[str], run: Any
) -> Step:
    return Step(StepView("change", "account", address, tuple(members)), run)


@recorded("account.add", "address")
async def _open(office: Office, address: str, password: PasswordItem | None) -> None:
    """A mailbox with the password of another server, or with none yet."""
    if password is None:
        await accounts.add(office, address, password=None)
        return
    name, ident = names.address(address), office.ids.next()
    scram = Scram(checking.octets(password.salt), password.rounds)
    pair = ScramPair(checking.octets(password.stored_key), checking.octets(password.server_key))
    credential = Credential(
        id=ident,
        kind="password",
        label="",
        scopes=frozenset(),
        verifier=password.hash.encode(),
        scram=pair,
        created=office.now(),
        last_used=None,
    )
    await accounts.add(office, address, password=None)

    def write(tx: Tx) -> None:
        account = rows.require(tx, name)
        rows.set_scram(tx, account.id, scram)
        credentials.set_password(tx, account, credential)

    await office.directory.change(write)


async def _set_names(
    add: Change, remove: Change, wanted: Sequence[str], now: Sequence[str]
) -> None:
    for one in wanted:
        if one not in now:
            await add(one)
    for one in now:
        if one not in wanted:
            await remove(one)


async def _set_senders(
    office: Office,
    address: str,
    which: Literal["block", "allow"],
    wanted: Sequence[str],
    now: Sequence[str],
) -> None:
    if more := [one for one in wanted if one not in now]:
        await senders.add(office, address, which, more)
    if less := [one for one in now if one not in wanted]:
        await senders.remove(office, address, which, less)


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
    office: Office, address: str, wanted: Sequence[RuleItem], now: Sequence[RuleItem]
) -> None:
    for _ in now:
        await rules.remove(office, address, 1)
    for one in wanted:
        rule = checking.rule_of(one)
        any_of = rule.match == "any"
        await rules.add(office, address, rule.conditions, rule.actions, any_of=any_of)


def _alias_steps(office: Office, one: AliasItem, now: AliasItem | None) -> Iterator[Step]:
    if now is None:
        writers = one.writers or "anyone"
        run = partial(
            aliases.add, office, one.address, one.targets, hidden=bool(one.hidden), writers=writers
        )
        yield Step(StepView("add", "alias", one.address), run)
    elif said := _differences(one, now, {"targets", "hidden", "writers"}):
        yield Step(
            StepView("change", "alias", now.address, tuple(said)),
            partial(aliases.change, office, now.address, **said),
        )


def _relay_steps(office: Office, one: RelayItem, now: RelayItem | None) -> Iterator[Step]:
    members = {"host", "port", "tls", "verify", "login", "password"}
    uses = [UseView(use.kind, use.of) for use in one.use or ()]
    if now is None:
        said = {name: getattr(one, name) for name in members}
        yield Step(
            StepView("add", "relay", one.name),
            partial(relays.add, office, one.name, Wanted(**said), uses),
        )
        return
    if said := _differences(one, now, members - {"password"}):
        if "login" in said and one.password is not None:
            said["password"] = one.password
        yield Step(
            StepView("change", "relay", one.name, tuple(sorted(said))),
            partial(relays.change, office, one.name, Wanted(**said)),
        )
    if one.use is not None and _folded(one.use) != _folded(now.use or ()):
        yield Step(
            StepView("change", "relay", one.name, ("use",)),
            partial(_set_uses, office, one.name, one.use, now.use or ()),
        )


async def _set_uses(
    office: Office, name: str, wanted: Sequence[UseItem], now: Sequence[UseItem]
) -> None:
    new, old = _folded(wanted), _folded(now)
    if more := [UseView(*key) for key in sorted(new - old)]:
        await relays.use(office, name, more)
    if less := [UseView(*key) for key in sorted(old - new)]:
        await relays.unuse(office, name, less)


def _folded(uses: Sequence[UseItem]) -> set[tuple[UseKind, str]]:
    return {(one.kind, one.of.casefold()) for one in uses}


def _removals(office: Office, wanted: Manifest, now: Manifest) -> Iterator[Step]:
    """What the file does not name, what needs others first."""
    for share in _left(now.share, wanted.share):
        run = partial(shares.remove, office, share.what, share.grantee)
        yield Step(StepView("remove", "share", checking.name_of(share)), run)
    for kind, gone, remove in (
        ("tls rule", _left(now.tls_rule, wanted.tls_rule), tls_rules.remove),
        ("relay", _left(now.relay, wanted.relay), relays.remove),
        ("alias", _left(now.alias, wanted.alias), aliases.remove),
        ("account", _left(now.account, wanted.account), accounts.remove),
        ("backup domain", _left(now.backup_domain, wanted.backup_domain), backup_domains.remove),
    ):
        for one in gone:
            yield Step(
                StepView("remove", kind, checking.name_of(one)),
                partial(remove, office, checking.name_of(one)),
            )
    old = _left(now.domain, wanted.domain)
    for domain in sorted(old, key=lambda one: not one.alias_of):
        run_domain = partial(domains.remove, office, domain.name)
        yield Step(StepView("remove", "domain", domain.name), run_domain)


def _left(now: Sequence[Any], wanted: Sequence[Any]) -> list[Any]:
    named = _There(wanted)
    return [one for one in now if named.find(one) is None]


def _differences(wanted: Item, now: Item | None, members: set[str]) -> dict[str, Any]:
    """The members that are said and not so."""
    said = {name: getattr(wanted, name) for name in wanted.__struct_fields__ if name in members}
    return {
        name: value
        for name, value in said.items()
        if value is not None and (now is None or value != getattr(now, name))
    }
