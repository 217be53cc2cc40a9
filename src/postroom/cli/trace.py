"""``postroom trace``: what happened to a message.

For people, attempts that failed one after the other are one line; ``--json`` has them all.
"""

from collections.abc import Sequence
from datetime import datetime

import click
import msgspec

from postroom.admin import queue, trace as admin
from postroom.admin.queue import DeliveryView
from postroom.admin.trace import FactView, RefusalView, StoryView
from postroom.cli import output
from postroom.cli.work import run
from postroom.ledger.rows import folded


class Told(msgspec.Struct):
    """A line of a story: a fact, or the last of ``times`` deferrals since ``since``.

    ``times`` 0: a later line tells of it.
    """

    fact: FactView
    since: datetime
    times: int = 1


@click.command()
@click.argument("sought", metavar="MESSAGE-ID|ADDRESS|QUEUE-ID")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Tell of the newest N messages.",
)
@output.json_option
@click.pass_context
def trace(context: click.Context, sought: str, limit: int, *, as_json: bool) -> None:
    """Tell what happened to a message, or to the newest messages of an address."""
    found = run(context, lambda office: admin.find(office, sought, limit=limit))
    if as_json:
        click.echo(output.encode(found))
        return
    is_first = True
    for story in reversed(found.messages):
        if not is_first:
            click.echo()
        _tell(story)
        is_first = False
    for refusal in reversed(found.refusals):
        click.echo(output.printable(_refusal(refusal)))
    if found.more:
        output.note(f"there are older messages; see more with --limit {limit * 10}")


def merged(facts: Sequence[FactView]) -> list[Told]:
    """The facts in order; a recipient's deferrals in a row stand where the last one is."""
    lines: list[Told] = []
    runs: dict[str, Told] = {}
    for fact in facts:
        line = Told(fact, fact.at)
        if fact.kind != "deferred":
            if fact.recipient:
                runs.pop(fact.recipient, None)
            else:  # of the message as a whole
                runs.clear()
        else:
            before = runs.get(fact.recipient)
            if before is not None:
                line.since, line.times = before.since, before.times + 1
                before.times = 0
            runs[fact.recipient] = line
        lines.append(line)
    return [line for line in lines if line.times]


def _tell(story: StoryView) -> None:
    output.details(
        [
            ("id", story.id),
            ("accepted", _client(story)),
            ("door", story.door + (f", {story.tls}" if story.tls else "")),
            ("account", story.account),
            ("sender", story.sender or "<>"),
            ("message-id", story.message_id),
            ("subject", story.subject),
            ("size", output.size(story.size)),
            ("story", _lines(story)),
            ("waiting", [_waiting(one) for one in story.waiting]),
        ]
    )


def _client(story: StoryView) -> str:
    """When it came, and who brought it."""
    who = f"{story.peer} ({story.helo or 'no name'})" if story.peer else "this server"
    return f"{output.text(story.at)} from {who}"


def _lines(story: StoryView) -> list[str]:
    lines = merged(story.facts)
    last = {line.fact.recipient: line for line in lines}
    due = {
        folded(one.recipient): one.next_attempt for one in story.waiting if one.status == "waiting"
    }
    return [
        _line(line, due.get(line.fact.recipient) if line is last[line.fact.recipient] else None)
        for line in lines
    ]


def _line(line: Told, due: datetime | None) -> str:
    """``due``: when the recipient is tried again, of the last line about it."""
    fact = line.fact
    words = [output.text(fact.at), fact.kind, fact.recipient]
    if fact.mailbox:
        words.append(f"in {fact.mailbox} of {fact.account}, uid {fact.uid}")
    elif fact.account and fact.recipient and folded(fact.account) != fact.recipient:
        words.append(f"for {fact.account}")  # behind an alias: whose copy it is
    if not fact.reply:
        return " ".join(filter(None, [*words, f"({fact.detail})" if fact.detail else ""]))
    told = " ".join(filter(None, words))
    if line.times > 1:
        told += f", {line.times} attempts since {output.text(line.since)}, the last"
    elif fact.detail.startswith(admin.GIVEN_UP):
        told += ", given up after the last attempt"
    if fact.failure:
        told += f" ({fact.failure})"
    told += f": {fact.host} said {fact.reply}" if fact.host else f": {fact.reply}"
    if fact.kind == "deferred" and due is not None:
        told += f"; next attempt {output.text(due)}"
    return told


def _waiting(one: DeliveryView) -> str:
    told = f"{one.recipient}: {one.status}"
    if one.status == "waiting":
        told += f", next attempt {output.text(one.next_attempt)}"
    told += f", {one.attempts} so far"
    if one.route:
        told += f", {queue.way_in_words(one.route)}"
    why = f" ({one.failure})" if one.failure else ""
    return told + (f", the last reply{why}: {one.last_reply}" if one.last_reply else "")


def _refusal(refusal: RefusalView) -> str:
    return (
        f"{refusal.at} refused {refusal.status} from <{refusal.sender}>"
        f" to {', '.join(f'<{one}>' for one in refusal.recipients) or 'nobody'}"
        f" by {refusal.peer}: {refusal.reason}"
    )
