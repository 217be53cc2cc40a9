"""What belongs to an account now, as its members in the file."""

import base64
from collections.abc import Sequence

from postroom.address import Domain
from postroom.admin import suppression
from postroom.admin.accounts import AccountView
from postroom.admin.apply.items import (
    AccountItem,
    ActionItem,
    ConditionItem,
    FetchItem,
    Forwarding,
    MaskItem,
    PasswordItem,
    RetentionItem,
    RuleItem,
    ScriptItem,
    VacationItem,
)
from postroom.admin.mailboxes import digest
from postroom.db.database import Tx
from postroom.db.ids import from_text
from postroom.directory import (
    accounts,
    administrators,
    credentials,
    fetchings,
    masks,
    rules,
    scripts,
    send_as,
    senders,
    suppressions,
    vacations,
)
from postroom.directory.rules import Rule
from postroom.policy import knowledge
from postroom.policy.knowledge import NOTHING
from postroom.store import mailboxes, retention

_MOST = 1 << 62


def account(tx: Tx, one: AccountView, seal_key: bytes | None) -> AccountItem:
    """An account; with what recognises its password and the secrets of others, given a key."""
    ident = from_text(one.id)
    away = vacations.of(tx, ident)
    return AccountItem(
        address=one.address,
        name=one.name,
        role=one.role,
        administers=tuple(Domain(name).unicode for name in administrators.of(tx, ident).domains),
        quota=one.quota,
        message_quota=one.message_quota,
        send_limit="default" if one.send_limit is None else one.send_limit,
        disabled=one.state == "disabled",
        addresses=tuple(map(str, accounts.further(tx, ident))),
        send_as=tuple(grant.written for grant in send_as.of(tx, ident)),
        block=tuple(senders.listed(tx, ident, "block")),
        allow=tuple(senders.listed(tx, ident, "allow")),
        forward=Forwarding(to=one.forwards, keep=one.keeps_copy),
        password=_password(tx, ident) if seal_key is not None else None,
        retention=tuple(_retention(tx, ident)),
        rule=tuple(map(rule_item, rules.of(tx, ident))),
        mask=tuple(
            MaskItem(address=str(mask.address), label=mask.label, on=not mask.is_off)
            for mask in reversed(masks.of(tx, ident, limit=_MOST))
        ),
        script=tuple(scripts_of(tx, ident)),
        vacation=VacationItem(text="")
        if away is None
        else VacationItem(
            text=away.text,
            subject=away.subject,
            begins=away.begins,
            ends=away.ends,
            days=away.days,
            addresses=away.addresses,
        ),
        spam_level=knowledge.totals(tx, [ident]).get(ident, NOTHING).level or "normal",
        digest=digest.choice(tx, ident),
        suppression=suppression.chosen(tx, ident),
        suppress=tuple(suppressions.by_hand(tx, ident)),
        fetch=None if seal_key is None else tuple(_fetchings(tx, ident, seal_key)),
    )


def scripts_of(tx: Tx, ident: int) -> list[ScriptItem]:
    """The scripts of an account, or of the site, by name."""
    return [
        ScriptItem(name=one.name, text=scripts.text(tx, ident, one.name), active=one.is_active)
        for one in scripts.of(tx, ident)
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


def _retention(tx: Tx, ident: int) -> list[RetentionItem]:
    said = retention.of(tx, ident)
    if not said:
        return []
    found = [(one.name, said[one.id]) for one in mailboxes.listing(tx, ident) if one.id in said]
    return [
        RetentionItem(mailbox=name, days=one.days, own_days=one.own_days)
        for name, one in sorted(found)
    ]


def _password(tx: Tx, ident: int) -> PasswordItem | None:
    for one in credentials.of(tx, ident):
        if one.kind == "password":
            scram = accounts.scram(tx, ident)
            return PasswordItem(
                hash=one.verifier.decode("ascii"),
                salt=_text(scram.salt),
                rounds=scram.iterations,
                stored_key=_text(one.scram.stored_key),
                server_key=_text(one.scram.server_key),
            )
    return None


def _fetchings(tx: Tx, ident: int, seal_key: bytes) -> Sequence[FetchItem]:
    return [
        FetchItem(
            protocol=one.protocol,
            host=one.host,
            port=one.port,
            tls=one.tls,
            verify=one.verify,
            login=one.login,
            password=fetchings.secret(tx, one.id, seal_key),
            token=one.is_token,
            folder=one.folder,
            to=one.target,
            deletes=not one.leaves,
            every=one.every,
        )
        for one in fetchings.page(tx, 0, _MOST, ident)
    ]


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
