"""``postroom explain``: every check of a message's origin with its DNS questions, and verdicts."""

from pathlib import Path

import click

from postroom.admin.office import Office
from postroom.admin.trials import explain as admin
from postroom.admin.trials.explain import Check, Explanation, Question, Welcome
from postroom.cli import output
from postroom.cli.work import run
from postroom.net.dns import Resolver


@click.command()
@click.argument("what", metavar="QUEUE-ID|MESSAGE-ID|FILE")
@click.option("--noted", is_flag=True, help="Only what was noted; ask the DNS nothing.")
@click.option("--ip", default="", metavar="ADDRESS", help="Of a FILE: the client's address.")
@click.option(
    "--helo", default="", metavar="NAME", help="Of a FILE: what the client called itself."
)
@click.option("--sender", metavar="ADDRESS", help='Of a FILE: MAIL FROM; "" for the null path.')
@click.option("--filters", is_flag=True, help="Ask the filters of [[filter]] too, as they are now.")
@output.json_option
@click.pass_context
def explain(  # noqa: PLR0913
    context: click.Context,
    what: str,
    *,
    noted: bool,
    ip: str,
    helo: str,
    sender: str | None,
    filters: bool,
    as_json: bool,
) -> None:
    """Check where a message comes from, and show all that was asked and answered.

    An accepted message is checked as it came, by the DNS of now; a FILE as if the client at
    --ip had brought it, or the one in its topmost Received field. First stands what acceptance says
    of that client (HELO, its name, the lists of [[dnsbl]]), at the end the verdicts on the message, that
    of the spam filter too; with --filters also those of other programs, and how long each took.
    """
    is_told = bool(ip or helo or sender is not None)
    if noted and is_told:
        raise click.UsageError(
            "--noted is of accepted messages; --ip, --helo and --sender of files"
        )
    if noted and filters:
        raise click.UsageError("--noted asks nobody; leave it out, or --filters")

    is_file = is_told or (not noted and Path(what).is_file())

    async def work(office: Office) -> Explanation:
        if noted:
            return await admin.letter(office, what, None)
        async with Resolver(office.config.dns.servers) as resolver:
            if is_file:
                path = Path(what)
                return await admin.file(
                    office, path, resolver, address=ip, helo=helo, sender=sender, filters=filters
                )
            return await admin.letter(office, what, resolver, filters=filters)

    found = run(context, work)
    if as_json:
        click.echo(output.encode(found))
    else:
        _tell(found, is_noted=noted, is_filtered=filters)


def _tell(found: Explanation, *, is_noted: bool, is_filtered: bool) -> None:
    output.details(
        [
            ("id", found.id),
            ("client", found.address or "not known: no SPF, no DMARC"),
            ("helo", found.helo),
            ("sender", found.sender or "<>"),
            ("noted", found.noted),
        ]
    )
    if found.client is not None:
        _check(_as_check(found.client))
    for check in found.checks:
        _check(check)
    if found.verdicts:
        click.echo()
        for verdict in found.verdicts:
            click.echo(output.printable(verdict))
    if is_filtered:
        _filters(found)
    if not is_noted and not found.checks:
        output.note("its octets are not here any more, so nothing can be checked again")


def _as_check(client: Welcome) -> Check:
    told = [*client.marks, f"together {client.score:+d}"] if client.marks else ["nothing noticed"]
    if client.reply:
        told.append(f"at RCPT: {client.reply}")
    return Check("connection", tuple(told), client.questions)


def _filters(found: Explanation) -> None:
    click.echo()
    if not found.filters:
        output.note("no [[filter]] of the settings is shown such a message")
    for one in found.filters:
        took = f", {one.seconds:.3f} s" if one.action else ""
        told = ": ".join(filter(None, [one.action, one.reason]))
        click.echo(output.printable(f"filter {one.filter}{took}: {told}"))


def _check(check: Check) -> None:
    click.echo()
    click.secho(check.check, bold=True)
    for result in check.results:
        click.echo(f"  {output.printable(result)}")
    for question in check.questions:
        click.echo(f"    {output.printable(_question(question))}")


def _question(question: Question) -> str:
    asked = f"{question.type} {question.name}: "
    if question.problem:
        return f"{asked}no answer ({question.problem})"
    return asked + (" | ".join(question.answer) or "nothing there")
