"""``postroom webhook``: add, list, test, log, switch off and on, remove."""

import sys

import click

from postroom.admin import webhook_calls, webhooks
from postroom.admin.office import Office
from postroom.admin.webhook_calls import Answer
from postroom.admin.webhooks import EVENTS
from postroom.cli import output
from postroom.cli.work import run
from postroom.net.dns import Resolver

_COLUMNS = [
    ("ID", lambda one: one.id),
    ("URL", lambda one: one.url),
    ("STATE", lambda one: "on" if one.is_on else "off"),
    ("EVENTS", lambda one: ",".join(one.events)),
    ("ABOUT", lambda one: one.within or "-"),
    ("WAITING", lambda one: one.waiting),
    ("FAILURES", lambda one: one.failures),
    ("LAST ANSWER", lambda one: one.last_answer),
    ("AT", lambda one: one.last_at),
]
_CALLS = [
    ("TIME", lambda one: one.at),
    ("EVENT", lambda one: one.event),
    ("ATTEMPT", lambda one: one.attempt),
    ("ANSWER", lambda one: one.answer),
    ("WEBHOOK-ID", lambda one: one.event_id),
]


@click.group()
def webhook() -> None:
    """Programs that are told what happens.

    Each event is a POST of JSON over https, signed as Standard Webhooks says, and tried again
    for a day until it is answered with 2xx; docs/webhooks.md.
    """


@webhook.command()
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, required=True, metavar="EVENT",
    help=f"What to tell, more than once or with commas: *, {', '.join(EVENTS)}.",
)  # fmt: skip
@click.option("--domain", metavar="DOMAIN", help="Only what is about accounts of DOMAIN.")
@click.option("--account", metavar="ADDRESS", help="Only what is about this account.")
@output.json_option
@click.pass_context
def add(
    context: click.Context,
    url: str,
    events: tuple[str, ...],
    domain: str | None,
    account: str | None,
    *,
    as_json: bool,
) -> None:
    """Tell URL from now on; the secret that signs its calls is printed this once."""
    chosen = [word.strip() for text in events for word in text.split(",")]
    made = run(
        context,
        lambda office: webhooks.add(office, url, chosen, domain=domain, account=account),
    )
    output.done(made, f"{made.id}  {made.secret}", as_json=as_json)


@webhook.command("list")
@output.json_option
@click.pass_context
def list_(context: click.Context, *, as_json: bool) -> None:
    """List the webhooks, and how they do."""
    found = run(context, webhooks.every)
    output.table(found, _COLUMNS, as_json=as_json, empty="There are no webhooks.")


@webhook.command()
@click.argument("ident", metavar="ID")
@output.json_option
@click.pass_context
def test(context: click.Context, ident: str, *, as_json: bool) -> None:
    """Call a webhook with the event webhook.test, and print what it answers."""

    async def work(office: Office) -> Answer:
        resolver = Resolver(office.config.dns.servers)
        try:
            return await webhook_calls.test(office, ident, resolver=resolver)
        finally:
            await resolver.close()

    answer = run(context, work)
    output.done(answer, answer.text, as_json=as_json)
    if not answer.is_good:
        sys.exit(1)


@webhook.command()
@click.argument("ident", metavar="ID")
@output.json_option
@click.pass_context
def log(context: click.Context, ident: str, *, as_json: bool) -> None:
    """List the latest calls of a webhook, and what they were answered."""
    found = run(context, lambda office: webhooks.calls(office, ident))
    output.table(found, _CALLS, as_json=as_json, empty="It was not called yet.")


@webhook.command()
@click.argument("ident", metavar="ID")
@output.json_option
@click.pass_context
def off(context: click.Context, ident: str, *, as_json: bool) -> None:
    """Tell a webhook nothing for now, and forget what waits for it."""
    one = run(context, lambda office: webhooks.switch(office, ident, is_on=False))
    output.done(one, f"{one.url} is told nothing for now", as_json=as_json)


@webhook.command()
@click.argument("ident", metavar="ID")
@output.json_option
@click.pass_context
def on(context: click.Context, ident: str, *, as_json: bool) -> None:
    """Go on telling a webhook what happens, from now on."""
    one = run(context, lambda office: webhooks.switch(office, ident, is_on=True))
    output.done(one, f"{one.url} is told again", as_json=as_json)


@webhook.command()
@click.argument("ident", metavar="ID")
@output.json_option
@click.pass_context
def remove(context: click.Context, ident: str, *, as_json: bool) -> None:
    """Tell a webhook nothing more."""
    gone = run(context, lambda office: webhooks.remove(office, ident))
    output.done(gone, f"{gone.url} is told nothing more", as_json=as_json)
