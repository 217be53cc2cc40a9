"""Webhooks: programs that are told what happens. Added, listed, switched off, removed."""

import base64
import secrets as chance
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from postroom.admin import names
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.directory import accounts, domains
from postroom.directory.sealing import open_sealed, seal
from postroom.errors import Invalid
from postroom.ledger import hook_answers, hooks
from postroom.ledger.hooks import Hook
from postroom.net.fetch import is_plain

EVENTS: Final = {
    "message.received": "a message was filed into a mailbox here",
    "message.delivered": "another server took a message",
    "message.deferred": "another server did not take a message yet; it is tried again",
    "message.bounced": "a message can't be delivered",
    "message.complained": "somebody has called a message of an account spam",
    "recipient.suppressed": "an address came onto the suppression list of an account",
    "mailbox.warned": "an account came near its quota",
    "sending.stopped": "an account has sent to as many as it may in a day",
    "peer.banned": "an address failed to log in too often",
    "report.received": "a DMARC or TLS report on a domain here came",
    "certificate.issued": "a certificate has come",
    "certificate.failed": "a certificate was not issued",
    "backup.failed": "a backup failed",
}
"""What a hook can ask for, besides ``*`` for everything."""

MOST: Final = 100  # hooks
MAX_URL: Final = 2_000
_SECRET: Final = 32  # octets


class WebhookView(msgspec.Struct, frozen=True):
    """A hook. ``within``: "" for everything, a domain or an address; ``failures`` in a row."""

    id: str
    url: str
    events: tuple[str, ...]
    within: str
    created: datetime
    waiting: int
    failures: int
    last_answer: str
    last_at: datetime | None
    is_on: bool


class CallView(msgspec.Struct, frozen=True):
    """One attempt to tell a hook; the first is 1. ``answer`` is the status or the reason."""

    at: datetime
    event: str
    event_id: str
    attempt: int
    is_good: bool
    answer: str


class NewWebhook(WebhookView, frozen=True):
    """A hook with the secret that signs its calls; it is shown this once."""

    secret: str


@recorded("webhook.add", "url", "events", "domain", "account")
async def add(
    office: Office,
    url: str,
    events: Sequence[str],
    *,
    domain: str | None = None,
    account: str | None = None,
    known: str | None = None,
) -> NewWebhook:
    """Tell a program from now on; ``known``: the secret that it knows. Raises Invalid, NotFound."""
    wanted = chosen(events)
    if len(url) > MAX_URL or not is_plain(url):
        raise Invalid(f"{url[:100]}: a webhook has an https address")
    if domain is not None and account is not None:
        raise Invalid("a webhook is limited to a domain or to an account, not to both")
    secret = chance.token_bytes(_SECRET) if known is None else read(known)
    ident = office.ids.next()
    sealed = seal(office.directory.secrets.seal, secret, context(ident))

    def write(tx: Tx) -> Hook:
        hook = Hook(ident, url, frozenset(wanted), "", sealed, office.now())
        if domain is not None:
            own = domains.require(tx, names.domain(domain))
            if own.alias_of:
                raise Invalid(f"{own.name} is an alias of {own.alias_of}; name that one")
            hook = msgspec.structs.replace(hook, within=own.name, domain_id=own.id)
        elif account is not None:
            found = accounts.require(tx, names.address(account))
            hook = msgspec.structs.replace(hook, within=str(found.address), account_id=found.id)
        if len(hooks.listing(tx)) >= MOST:
            raise Invalid(f"there are {MOST} webhooks already; remove one first")
        hooks.add(tx, hook)
        return hook

    view = _view(await office.directory.change(write), 0)
    return NewWebhook(**msgspec.structs.asdict(view), secret=written(secret))


async def every(office: Office) -> list[WebhookView]:
    """All hooks, with how they do."""

    def read(tx: Tx) -> list[WebhookView]:
        waiting = hooks.waiting(tx)
        return [_view(one, waiting.get(one.id, 0)) for one in present(tx)]

    return await office.directory.look(read)


async def calls(office: Office, ident: str) -> tuple[CallView, ...]:
    """The latest calls of a hook, the latest first. Raises Invalid, NotFound."""
    number = hook_id(ident)

    def read(tx: Tx) -> tuple[CallView, ...]:
        hooks.require(tx, number)
        return tuple(
            [
                CallView(
                    names.moment(one.at), one.event, one.event_id, one.attempt, one.is_good,
                    one.answer,
                )
                for one in hook_answers.latest(tx, number)
            ]
        )  # fmt: skip

    return await office.directory.look(read)


@recorded("webhook.switch", "ident", "is_on")
async def switch(office: Office, ident: str, *, is_on: bool) -> WebhookView:
    """Tell it nothing for now, nor later of what happens meanwhile; or go on. Raises NotFound."""
    number = hook_id(ident)

    def write(tx: Tx) -> Hook:
        hooks.switch(tx, hooks.require(tx, number), is_on=is_on)
        return _named(tx, hooks.require(tx, number))

    return _view(await office.directory.change(write), 0)


@recorded("webhook.remove", "ident")
async def remove(office: Office, ident: str) -> WebhookView:
    """Tell it nothing more. Raises NotFound."""
    number = hook_id(ident)

    def write(tx: Tx) -> Hook:
        hook = _named(tx, hooks.require(tx, number))
        hooks.remove(tx, number)
        return hook

    return _view(await office.directory.change(write), 0)


def present(tx: Tx) -> list[Hook]:
    """All hooks; ``within`` is what its domain or account is called now."""
    return [_named(tx, one) for one in hooks.listing(tx)]


def hook_id(text: str) -> int:
    """Read the id of a hook; raises Invalid."""
    return names.ident(text, Invalid(f"{text} is no id of a webhook; see: postroom webhook list"))


def read(text: str) -> bytes:
    """A secret as ``written`` writes it; raises Invalid."""
    try:
        found = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        found = b""
    if not text.startswith("whsec_") or len(found) < _SECRET // 2:
        raise Invalid("the secret of a webhook is whsec_ and base64 of at least 16 octets")
    return found


def chosen(events: Sequence[str]) -> list[str]:
    """The events that are meant; raises Invalid."""
    if not events:
        raise Invalid(f"name an event: *, or some of {', '.join(EVENTS)}")
    if "*" in events:
        return list(EVENTS)
    if unknown := set(events) - set(EVENTS):
        raise Invalid(f"{min(unknown)!r} is no event; there are *, {', '.join(EVENTS)}")
    return list(events)


def shortest(events: Iterable[str]) -> tuple[str, ...]:
    """The same events in one way: ``*`` for all, else in order."""
    found = sorted(events)
    return ("*",) if found == sorted(EVENTS) else tuple(found)


def context(ident: int) -> bytes:
    """What a secret is sealed for."""
    return f"secret of webhook {ident}".encode()


def secret_of(office: Office, hook: Hook) -> bytes:
    """The secret of a hook, opened."""
    return open_sealed(office.directory.secrets.seal, hook.secret, context(hook.id))


def written(secret: bytes) -> str:
    """As Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secret).decode("ascii")


def _named(tx: Tx, hook: Hook) -> Hook:
    now: str | None = None
    if hook.domain_id is not None:
        now = domains.name_of(tx, hook.domain_id)
    elif hook.account_id is not None and (found := accounts.by_id(tx, hook.account_id)):
        now = str(found.address)
    return hook if now is None else msgspec.structs.replace(hook, within=now)


def _view(hook: Hook, waiting: int) -> WebhookView:
    return WebhookView(
        id=to_text(hook.id),
        url=hook.url,
        events=tuple(sorted(hook.events)),
        within=hook.within,
        created=names.moment(hook.created),
        waiting=waiting,
        failures=hook.failures,
        last_answer=hook.last_answer,
        last_at=None if hook.last_at is None else names.moment(hook.last_at),
        is_on=hook.is_on,
    )
