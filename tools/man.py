"""Write the manual pages postroom(1) and postroom.toml(5) from the commands and the settings.

``python tools/man.py FOLDER``. They are made when a package is made, and kept nowhere else.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from postroom import VERSION
from postroom.cli.main import postroom
from postroom.config import describe, model
from tools import docs

_EXIT: Final = (
    ("0", "Done."),
    ("1", "Refused or failed; one line on standard error says why."),
    ("2", "Wrong usage."),
)


def commands_page() -> str:
    """postroom(1): every command with its options."""
    out = [
        _title("postroom", 1, "Mail server"),
        ".SH NAME",
        r"postroom \- a complete mail server",
        ".SH SYNOPSIS",
        r".B postroom \fR[\fB\-c\fR \fIFILE\fR] \fICOMMAND\fR [\fIARGUMENT\fR ...]",
        ".SH DESCRIPTION",
        _text(
            "SMTP in and out, mailboxes over IMAP and POP3, filters and administration in one "
            "program and one folder. Commands work while the server runs, and count at once. "
            "Most print JSON with --json."
        ),
        ".SH COMMANDS",
    ]
    for context in docs.commands(postroom, "postroom", None):
        if context.parent is not None:
            out.extend(_command(context))
    out.append(".SH EXIT STATUS")
    for status, meaning in _EXIT:
        out.extend((".TP", rf"\fB{status}\fR", _text(meaning)))
    out += [
        ".SH ENVIRONMENT",
        ".TP",
        r"\fBPOSTROOM_CONFIG\fR",
        _text("The settings file, where -c does not name one."),
        ".SH FILES",
        ".TP",
        r"\fI./postroom.toml\fR, \fI/etc/postroom/postroom.toml\fR",
        _text("The settings: the first that is there."),
        ".SH SEE ALSO",
        r"\fBpostroom.toml\fR(5)",
    ]
    return "\n".join(out) + "\n"


def _command(context: click.Context) -> Iterator[str]:
    command = context.command
    yield f".SS {_escape(context.command_path)}"
    usage = " ".join(command.collect_usage_pieces(context))
    yield rf"\fB{_escape(context.command_path)}\fR {_escape(usage)}"
    for paragraph in re.split(r"\n\s*\n", command.help or ""):
        yield ".PP"
        yield _text(paragraph.replace("\b", ""))
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in parameter.opts:
            yield ".TP"
            yield rf"\fB{_escape(record[0])}\fR"
            yield _text(record[1])


def settings_page() -> str:
    """postroom.toml(5): every setting."""
    out = [
        _title("postroom.toml", 5, "Settings"),
        ".SH NAME",
        r"postroom.toml \- settings of the mail server postroom",
        ".SH DESCRIPTION",
        _text(
            "A file in TOML. It holds what needs a restart; domains, accounts and aliases are "
            "changed with commands while the server runs. An unknown setting or a bad value is "
            "refused with its path and the reason."
        ),
    ]
    for title, table in describe.tables(model.Config):
        out += [f".SH {_escape(title)}", _text(describe.plain(table.__doc__))]
        for one in describe.settings(table):
            default = f" Default: {one.default}." if one.default else ""
            out += [
                ".TP",
                rf"\fB{_escape(one.name)}\fR ({_escape(one.kind)})",
                _text(one.meaning + default),
            ]
    ports = ", ".join(f"{name} {port}" for name, port in model.STANDARD_PORTS.items())
    out += [".SH PORTS", _text(f"{ports}."), ".SH SEE ALSO", r"\fBpostroom\fR(1)"]
    return "\n".join(out) + "\n"


def _title(name: str, section: int, manual: str) -> str:
    return f'.TH "{name.upper()}" {section} "" "Postroom {VERSION}" "{manual}"'


def _text(text: str) -> str:
    """A paragraph; a period or quote at a line's start would be a request of roff."""
    line = _escape(" ".join(text.split()))
    return rf"\&{line}" if line.startswith((".", "'")) else line


def _escape(text: str) -> str:
    return text.replace("`", "").replace("\\", r"\e").replace("-", r"\-")


PAGES: Final = {"postroom.1": commands_page, "postroom.toml.5": settings_page}


def main(folder: Path) -> None:
    """Write both pages into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        folder.joinpath(name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
