"""The API: programs that are told what happens."""

from typing import Final

from postroom.admin import webhook_calls, webhooks
from postroom.admin.webhook_calls import Answer
from postroom.admin.webhooks import CallView, NewWebhook, WebhookView
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun

NOUN: Final = Noun("webhooks", "webhooks", "Programs that are told what happens.")


class Wish(Input, frozen=True, kw_only=True):
    """Whom to tell what; ``*`` is every event."""

    url: str
    events: tuple[str, ...]
    domain: str | None = None
    account: str | None = None


class Change(Input, frozen=True, kw_only=True):
    """``is_on`` false: it is told nothing for now, and what waits for it is forgotten."""

    is_on: bool


@NOUN.on("GET", "/webhooks")
async def every(call: Call) -> list[WebhookView]:
    """List the webhooks, and how they do."""
    return await webhooks.every(call.office)


@NOUN.on("POST", "/webhooks", status=201)
async def add(call: Call, body: Wish) -> NewWebhook:
    """Tell a program from now on; its secret is shown this once."""
    return await webhooks.add(
        call.office, body.url, body.events, domain=body.domain, account=body.account
    )


@NOUN.on("GET", "/webhooks/{ident}/calls")
async def calls(call: Call, ident: str) -> tuple[CallView, ...]:
    """List the latest calls of a webhook and what they were answered, the latest first."""
    return await webhooks.calls(call.office, ident)


@NOUN.on("POST", "/webhooks/{ident}/test")
async def test(call: Call, ident: str) -> Answer:
    """Call a webhook now, and tell what it answers."""
    return await webhook_calls.test(call.office, ident, resolver=call.services.resolver)


@NOUN.on("PATCH", "/webhooks/{ident}")
async def change(call: Call, ident: str, body: Change) -> WebhookView:
    """Switch a webhook off or on."""
    return await webhooks.switch(call.office, ident, is_on=body.is_on)


@NOUN.on("DELETE", "/webhooks/{ident}")
async def remove(call: Call, ident: str) -> WebhookView:
    """Tell a webhook nothing more."""
    return await webhooks.remove(call.office, ident)
