"""What is set up here now, as the items of a ``manifest``."""

import base64
from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.address import Domain
from postroom.admin import accounts, aliases, backup_domains, domains, shares
from postroom.admin.accounts import AccountView
from postroom.admin.apply.manifest import (
    AccountItem,
    ActionItem,
    AliasItem,
    BackupDomainItem,
    ConditionItem,
    DomainItem,
    Forwarding,
    LimitsItem,
    Manifest,
    PasswordItem,
    RelayItem,
    RetentionItem,
    RuleItem,
    ShareItem,
    TlsRuleItem,
    UseItem,
)
from postroom.admin.office import Office
from postroom.admin.outgoing import relays, tls_rules
from postroom.db.database import Tx
from postroom.db.ids import from_text
from postroom.directory import (
    accounts as rows,
    administrators,
    credentials,
    rules,
    send_as,
    senders,
)
from postroom.directory.allotments import Allotment
from postroom.directory.rules import Rule
from postroom.store import mailboxes, retention

TOGETHER: Final = 200  # accounts in one transaction


async def current(office: Office, *, with_secrets: bool = False) -> Manifest:
    """Everything; with what recognises passwords, and the passwords of relays, if wanted."""
    limits = await domains.limits(office)
    return Manifest(
        domain=tuple([_domain(one, limits.get(one.ascii)) async for one in domains.every(office)]),
        backup_domain=tuple(
            [BackupDomainItem(name=one.name) async for one in backup_domains.every(office)]
        ),
        account=tuple(await _accounts(office, with_secrets=with_secrets)),
        alias=tuple(
            [
                AliasItem(
                    address=one.address,
                    targets=one.targets,
                    hidden=one.hidden,
                    writers=one.writers,
                )
                async for one in aliases.every(office)
            ]
        ),
        relay=tuple(await _relays(office, with_secrets=with_secrets)),
        tls_rule=tuple(
            [TlsRuleItem(domain=one.domain, mode=one.mode) async for one in tls_rules.every(office)]
        ),
        share=tuple(
            [
                ShareItem(what=one.what, grantee=one.grantee, rights=one.rights)
                async for one in shares.every(office)
            ]
        ),
    )


def _domain(one: domains.DomainView, limits: Allotment | None) -> DomainItem:
    if one.alias_of:
        return DomainItem(name=one.name, alias_of=Domain(one.alias_of).unicode)
    return DomainItem(
        name=one.name,
        catch_all=one.catch_all,
        separators=one.separators,
        case=one.case,
        dots=one.dots,
        journal=one.journal,
        limits=None if limits is None else LimitsItem(**msgspec.structs.asdict(limits)),
    )


async def _accounts(office: Office, *, with_secrets: bool) -> list[AccountItem]:
    found: list[AccountItem] = []
    some: list[AccountView] = []

    async def read() -> None:
        chosen = tuple(some)
        some.clear()
        found.extend(
            await office.directory.look(
                lambda tx: [_account(tx, one, with_secrets=with_secrets) for one in chosen]
            )
        )

    async for one in accounts.every(office):
        if one.state in {"active", "disabled"}:
            some.append(one)
        if len(some) == TOGETHER:
            await read()
    await read()
    return found


def _account(tx: Tx, one: AccountView, *, with_secrets: bool) -> AccountItem:
    ident = from_text(one.id)
    return AccountItem(
        address=one.address,
        name=one.name,
        role=one.role,
        administers=tuple(Domain(name).unicode for name in administrators.of(tx, ident).domains),
        quota=one.quota,
        message_quota=one.message_quota,
        send_limit="default" if one.send_limit is None else one.send_limit,
        disabled=one.state == "disabled",
        addresses=tuple(map(str, rows.further(tx, ident))),
        send_as=tuple(grant.written for grant in send_as.of(tx, ident)),
        block=tuple(senders.listed(tx, ident, "block")),
        allow=tuple(senders.listed(tx, ident, "allow")),
        forward=Forwarding(to=one.forwards, keep=one.keeps_copy),
        password=_password(tx, ident) if with_secrets else None,
        retention=tuple(_retention(tx, ident)),
        rule=tuple(map(rule_item, rules.of(tx, ident))),
    )


def _retention(tx: Tx, ident: int) -> list[RetentionItem]:
    said = retention.of(tx, ident)
    if not said:
        return []
    found = [(one.name, said[one.id]) for one in mailboxes.listing(tx, ident) if one.id in said]
    return [
        RetentionItem(mailbox=name, days=one.days, own_days=one.own_days)
        for name, one in sorted(found)
    ]


def rule_item(one: Rule) -> RuleItem:
    """A rule as it stands in a file."""
    return RuleItem(
        match=one.match,
        conditions=tuple(
            ConditionItem(
                field=f"header:{each.name}" if each.field == "header" else each.field,
                test=each.test,
                value=each.value,
                negated=each.negated,
            )
            for each in one.conditions
        ),
        actions=tuple(ActionItem(kind=each.kind, value=each.value) for each in one.actions),
    )


def _password(tx: Tx, ident: int) -> PasswordItem | None:
    for one in credentials.of(tx, ident):
        if one.kind == "password":
            scram = rows.scram(tx, ident)
            return PasswordItem(
                hash=one.verifier.decode("ascii"),
                salt=_text(scram.salt),
                rounds=scram.iterations,
                stored_key=_text(one.scram.stored_key),
                server_key=_text(one.scram.server_key),
            )
    return None


async def _relays(office: Office, *, with_secrets: bool) -> Sequence[RelayItem]:
    found = []
    async for one in relays.every(office):
        password = None
        if with_secrets and one.password:
            password = (await relays.load(office, one.name)).password
        found.append(
            RelayItem(
                name=one.name,
                host=one.host,
                port=one.port,
                tls=one.tls,
                verify=one.verify,
                login=one.login,
                password=password,
                use=tuple(UseItem(kind=use.kind, of=use.of) for use in one.uses),
            )
        )
    return found


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
