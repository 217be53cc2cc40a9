"""``postroom apply``: what is set up here, from a file."""

import sys
from pathlib import Path

import click

from postroom.admin.apply import applying, manifest
from postroom.admin.apply.manifest import Faulty
from postroom.admin.apply.steps import Difference, StepView
from postroom.cli import output
from postroom.cli.work import run
from postroom.errors import Refused

_SIGNS = {"add": "+", "change": "~", "remove": "-"}


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--prune", is_flag=True, help="Remove what FILE does not name.")
@output.json_option
@click.pass_context
def apply(context: click.Context, file: Path, *, dry_run: bool, prune: bool, as_json: bool) -> None:
    """Make what is set up here as FILE says ("-": standard input): domains, people, aliases..

    `postroom export` without arguments writes such a file. What is so already is left alone, what
    a file leaves out stays as it is, and nothing is removed without --prune. Everything is tried
    on a copy first: with any fault nothing is done, and all faults are told with their lines. An
    account that is new has no password, unless the file holds one.
    """
    is_piped = str(file) == "-"
    octets = sys.stdin.buffer.read() if is_piped else file.read_bytes()
    try:
        text = manifest.decoded(octets, str(file))
        places = manifest.Places(text, str(file))
        wanted = manifest.read(text, str(file))
        done = run(
            context,
            lambda office: applying.apply(office, wanted, prune=prune, dry=dry_run, places=places),
        )
    except Faulty as error:
        if len(error.faults) == 1:
            raise
        for fault in error.faults:
            output.note(fault)
        raise Refused("nothing was changed: mend the file and run it again") from None
    if as_json:
        click.echo(output.encode(done))
        return
    for step in done.steps:
        click.echo(output.printable(_line(step)))
        for one in step.changes:
            click.echo(output.printable(_change(one)))
    for hint in done.next:
        output.note(hint)
    if not done.steps:
        click.echo("everything is so already")
    elif dry_run:
        output.note(f"{output.count(len(done.steps), 'step')}; nothing was changed")


def _change(one: Difference) -> str:
    if not one.before and not one.after:
        return f"    {one.member}: secret"
    return f"    {one.member}: {one.before or 'nothing'} -> {one.after}"


def _line(step: StepView) -> str:
    members = f" ({', '.join(step.members)})" if step.members else ""
    return f"{_SIGNS[step.action]} {step.kind} {step.name}{members}"
