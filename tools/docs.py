"""Print the generated pages of docs/: config.md, events.md, cli.md and api-reference.md.

``python tools/docs.py`` writes them; a test fails when one is not what it would write.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click
import msgspec

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from postroom.cli.main import postroom as cli  # noqa: E402
from postroom.config import model  # noqa: E402
from postroom.config.describe import plain, settings, tables  # noqa: E402
from postroom.telemetry import events, session_events  # noqa: E402
from postroom.telemetry.event import Event, SessionEvent  # noqa: E402
from postroom.web.api import nouns  # noqa: E402

FOLDER: Final = ROOT / "docs"
NOTE: Final = "<!-- Printed by tools/docs.py (make docs): change the source, not this page. -->\n"


def config_page() -> str:
    """Every setting of the model."""
    out = [
        NOTE,
        "# Settings\n",
        (
            "`postroom.toml` holds what needs a restart; domains, accounts and aliases are changed "
            "with commands while the server runs. The file is the one named with `-c` or in "
            "`POSTROOM_CONFIG`, else `./postroom.toml`, else `/etc/postroom/postroom.toml`; without "
            "any, every default holds. An unknown setting or a bad value is refused with its path "
            "and the reason.\n"
        ),
        (
            "```toml\n"
            'hostname = "mail.example.org"\n'
            'data = "/var/lib/postroom"\n\n'
            "[[listen]]\n"
            'protocol = "smtp"\n\n'
            "[[listen]]\n"
            'protocol = "imaps"\n\n'
            "[tls]\n"
            'certificate = "/etc/ssl/mail/fullchain.pem"\n'
            'key = "/etc/ssl/mail/key.pem"\n'
            "```\n"
        ),
    ]
    for title, table in tables(model.Config):
        out.append(f"## {title}\n\n{plain(table.__doc__)}\n")
        out.append("| setting | kind | default | meaning |\n| --- | --- | --- | --- |")
        out.extend(
            f"| `{one.name}` | {one.kind} | {_code(one.default)} | {one.meaning} |"
            for one in settings(table)
        )
        out.append("")
    ports = ", ".join(f"{name} {port}" for name, port in model.STANDARD_PORTS.items())
    out.append(f"Standard ports: {ports}.")
    return "\n".join(out) + "\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def events_page() -> str:
    """Every event: what its log line means and holds."""
    out = [
        NOTE,
        "# Events\n",
        (
            "What happens is told as one of these and nothing else: a line of JSON in "
            "`log/postroom.jsonl` of the data folder, a line of words on standard error, and a "
            "counter each in `/metrics`. Every line also has `at`, the time in UTC. Lines that a "
            "stranger can cause are limited to 60 a minute for each kind and address and 768 KiB a "
            "minute in all; the counters count on, and `events.suppressed` says how many were left "
            "out.\n"
        ),
        "| event | level | meaning | fields |\n| --- | --- | --- | --- |",
    ]
    for tag, kind in sorted(event_kinds()):
        names = ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(kind))
        out.append(f"| `{tag}` | {kind.level} | {plain(kind.__doc__)} | {names} |")
    return "\n".join(out) + "\n"


def event_kinds() -> Iterator[tuple[str, type[Event]]]:
    """Every event by its name in the log."""
    for kind in [*vars(events).values(), *vars(session_events).values()]:
        if isinstance(kind, type) and issubclass(kind, Event):
            tag = kind.__struct_config__.tag
            if tag and kind not in {Event, SessionEvent}:
                yield str(tag), kind


def cli_page() -> str:
    """The help of every command."""
    out = [NOTE, "# Commands\n"]
    for context in commands(cli, "postroom", None):
        help_text = context.command.get_help(context)
        out.append(f"## {context.command_path}\n\n```\n{help_text}\n```\n")
    return "\n".join(out)


def commands(
    command: click.Command, name: str, parent: click.Context | None
) -> Iterator[click.Context]:
    """The command and all below it, each in a context in which its help can be made."""
    settings: dict[str, Any] = {"max_content_width": 96, "terminal_width": 96}
    settings |= command.context_settings
    with click.Context(command, parent=parent, info_name=name, **settings) as context:
        yield context
        if isinstance(command, click.Group):
            for child_name in command.list_commands(context):
                child = command.get_command(context, child_name)
                if child is not None and not child.hidden:
                    yield from commands(child, child_name, context)


def api_page() -> str:
    """Every operation of the API."""
    out = [
        NOTE,
        "# Operations of the API\n",
        (
            "How it is used: [api.md](api.md). Each path follows `/api/v1`; what is taken and what "
            "is answered stands in the OpenAPI document, `GET /api/v1/openapi.json`.\n"
        ),
    ]
    for noun in nouns.ALL:
        out.append(f"## {noun.name}\n\n{noun.about}\n")
        out.append("| method | path | scope | what it does |\n| --- | --- | --- | --- |")
        out.extend(
            f"| {one.method} | `{one.path}` | `{one.scope}` | {plain(one.summary)} |"
            for one in noun.operations
        )
        out.append("")
    return "\n".join(out)


PAGES: Final[dict[str, Callable[[], str]]] = {
    "config.md": config_page,
    "events.md": events_page,
    "cli.md": cli_page,
    "api-reference.md": api_page,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        FOLDER.joinpath(name).write_text(page())


if __name__ == "__main__":
    main()
