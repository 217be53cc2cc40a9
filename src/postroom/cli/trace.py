"""``postroom trace``: what happened to a message."""

import click

from postroom.admin import trace as admin
from postroom.admin.trace import FactView, RefusalView, StoryView
from postroom.cli import output
from postroom.cli.work import run


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
        click.echo(_refusal(refusal))
    if found.more:
        output.note(f"there are older messages; see more with --limit {limit * 10}")


def _tell(story: StoryView) -> None:
    output.details(
        [
            ("id", story.id),
            ("accepted", f"{output.text(story.at)} from {story.peer} ({story.helo or 'no name'})"),
            ("door", story.door + (f", {story.tls}" if story.tls else "")),
            ("account", story.account),
            ("sender", story.sender or "<>"),
            ("message-id", story.message_id),
            ("subject", story.subject),
            ("size", output.size(story.size)),
            ("story", [_fact(fact) for fact in story.facts]),
            (
                "waiting",
                [
                    f"{one.recipient}: {one.status}, next attempt"
                    f" {output.text(one.next_attempt)}, {one.attempts} so far"
                    for one in story.waiting
                ],
            ),
        ]
    )


def _fact(fact: FactView) -> str:
    words = [output.text(fact.at), fact.kind, fact.recipient]
    if fact.mailbox:
        words.append(f"in {fact.mailbox} of {fact.account}, uid {fact.uid}")
    if fact.detail:
        words.append(f"({fact.detail})")
    return " ".join(word for word in words if word)


def _refusal(refusal: RefusalView) -> str:
    return (
        f"{refusal.at} refused {refusal.status} from <{refusal.sender}>"
        f" to {', '.join(f'<{one}>' for one in refusal.recipients) or 'nobody'}"
        f" by {refusal.peer}: {refusal.reason}"
    )
