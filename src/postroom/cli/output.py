"""How results are printed: a table for people, JSON for programs.

A list is printed page by page as it is read: memory does not grow with it, and the JSON
is one array all the same. Notes and warnings go to standard error.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

import click
import msgspec

from postroom.admin import names

ItemT = TypeVar("ItemT")
CommandT = TypeVar("CommandT", bound=Callable[..., object])

count: Final = names.count
_ROWS: Final = 200  # rows that are measured together
_UNITS: Final = ("B", "K", "M", "G", "T", "P", "E")


def json_option(command: CommandT) -> CommandT:
    """Give a command ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def limit_option(command: CommandT) -> CommandT:
    """Give a command ``--limit``."""
    return click.option(
        "--limit", type=click.IntRange(min=1), metavar="N", help="Print at most N."
    )(command)


def list_options(command: CommandT) -> CommandT:
    """Give a command ``--search``, ``--limit`` and ``--json``."""
    command = limit_option(json_option(command))
    return click.option("--search", default="", metavar="TEXT", help="Only those with TEXT.")(
        command
    )


def encode(value: object) -> str:
    """The JSON of a value; times are RFC 3339 in UTC."""
    return msgspec.json.encode(value).decode()


def done(value: object, sentence: str, *, as_json: bool) -> None:
    """Print what was done: one sentence, or the thing as JSON."""
    click.echo(encode(value) if as_json else printable(sentence))


def note(sentence: str) -> None:
    """Something to know, on standard error."""
    click.echo(f"note: {printable(sentence)}", err=True)


def thing(value: object, pairs: Sequence[tuple[str, object]], *, as_json: bool) -> None:
    """Print one thing: its properties, or all of it as JSON."""
    if as_json:
        click.echo(encode(value))
    else:
        details(pairs)


def details(pairs: Sequence[tuple[str, object]]) -> None:
    """Print a line a property; what is empty is left out."""
    shown = [(name, text(value)) for name, value in pairs if text(value)]
    width = max(len(name) for name, _ in shown)
    for name, value in shown:
        first, *rest = value.split("\n")
        click.echo(f"{name:<{width}}  {first}")
        for line in rest:
            click.echo(f"{'':<{width}}  {line}")


def text(value: object) -> str:
    """A value for people."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M")
        case tuple() | list():
            return "\n".join(map(text, value))
        case _:
            return printable(str(value))


def printable(words: str) -> str:
    """``words`` with everything escaped that could move the cursor or end the line."""
    if words.isprintable():
        return words
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in words
    )


def size(octets: int) -> str:
    """``10G``: binary units, one digit after the point when it is not whole."""
    amount = float(octets)
    for unit in _UNITS:
        if amount < 1024 or unit == _UNITS[-1]:
            break
        amount /= 1024
    return f"{amount:.0f}{unit}" if amount == int(amount) else f"{amount:.1f}{unit}"


async def listing(
    items: AsyncIterator[ItemT],
    columns: Sequence[tuple[str, Callable[[ItemT], object]]],
    *,
    as_json: bool,
    empty: str,
) -> None:
    """Print every item, in pages; for people ``empty``, on standard error, when there is none."""
    if as_json:
        await _array(items)
        return
    widths = [len(heading) for heading, _ in columns]
    page: list[list[str]] = []
    is_first = True
    async for item in items:
        page.append([text(cell(item)).replace("\n", " ") for _, cell in columns])
        if len(page) == _ROWS:
            is_first = _rows(columns, page, widths, is_first=is_first)
            page = []
    if page:
        _rows(columns, page, widths, is_first=is_first)
    elif is_first:
        _tell_none(empty)


def nothing(what: str, search: str = "") -> str:
    """``There are no aliases.``, or none with what was searched for."""
    return f"There are no {what} with {search!r}." if search else f"There are no {what}."


def table(
    items: Sequence[ItemT],
    columns: Sequence[tuple[str, Callable[[ItemT], object]]],
    *,
    as_json: bool = False,
    empty: str = "",
) -> None:
    """Print a short list; ``empty`` as with ``listing``."""
    if as_json:
        click.echo(encode(items))
    elif items:
        rows = [[text(cell(item)) for _, cell in columns] for item in items]
        _rows(columns, rows, [len(heading) for heading, _ in columns], is_first=True)
    else:
        _tell_none(empty)


def _tell_none(empty: str) -> None:
    if empty:
        click.echo(printable(empty), err=True)


async def _array(items: AsyncIterator[ItemT]) -> None:
    separator = "[\n"
    async for item in items:
        click.echo(separator + encode(item), nl=False)
        separator = ",\n"
    click.echo("[]" if separator == "[\n" else "\n]")


def _rows(
    columns: Sequence[tuple[str, Callable[[ItemT], object]]],
    page: list[list[str]],
    widths: list[int],
    *,
    is_first: bool,
) -> bool:
    """Print one page under the headings; columns only grow. Always returns False."""
    for place in range(len(columns)):
        widths[place] = max(widths[place], *(len(row[place]) for row in page))
    if is_first:
        click.secho(_line([heading for heading, _ in columns], widths), bold=True)
    click.echo("\n".join(_line(row, widths) for row in page))
    return False


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
