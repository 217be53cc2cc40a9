"""``postroom``: the group of all commands.

Each command's module is imported when it is called, so ``postroom --help`` is quick.
What is refused (``errors.Refused``), fails in the mail system (``errors.MailError``) or
in the operating system, and a file that is no text where one is wanted, end with one line on
standard error and exit status 1; wrong usage ends with 2.
"""

import errno
import importlib
from typing import Final, NamedTuple

import click
from click.exceptions import NoSuchCommand
from click.shell_completion import CompletionItem

from postroom import VERSION
from postroom.errors import MailError, Refused, StorageFailed


class Lazy(NamedTuple):
    """Where a command is, its line in ``--help``, and what it is called there if not as here."""

    module: str
    summary: str
    attribute: str = ""


COMMANDS: Final = {
    "setup": Lazy("postroom.cli.setup", "Make this machine a mail server."),
    "serve": Lazy("postroom.cli.serve", "Run the server."),
    "demo": Lazy("postroom.cli.demo", "Try everything on this machine, without set-up."),
    "install-service": Lazy("postroom.cli.install_service", "Let systemd run the server."),
    "test-letter": Lazy("postroom.cli.test_letter", "See whether mail comes in and goes out."),
    "domain": Lazy("postroom.cli.domain", "Domains that receive mail here."),
    "account": Lazy("postroom.cli.account", "Mailboxes, passwords and quotas."),
    "alias": Lazy("postroom.cli.alias", "Addresses that stand for others."),
    "list": Lazy(
        "postroom.cli.lists", "Mailing lists: addresses that many people read.", "mailing_list"
    ),
    "retention": Lazy("postroom.cli.retention", "How long mailboxes keep their messages."),
    "mask": Lazy("postroom.cli.mask", "Addresses that hide the one behind them."),
    "sieve": Lazy("postroom.cli.sieve", "Scripts that filter mail."),
    "rule": Lazy("postroom.cli.rule", "Rules that sort mail, without Sieve."),
    "vacation": Lazy("postroom.cli.vacation", "Answers while somebody is away."),
    "share": Lazy("postroom.cli.share", "Mailboxes that people share."),
    "relay": Lazy("postroom.cli.relay", "Servers that outgoing mail goes through."),
    "tls": Lazy("postroom.cli.tls", "How mail to a domain must be encrypted."),
    "dns": Lazy("postroom.cli.dns", "The DNS records that a domain needs."),
    "certificate": Lazy("postroom.cli.certificate", "Certificates, and what is wrong with them."),
    "dkim": Lazy("postroom.cli.dkim", "Keys that sign outgoing mail."),
    "token": Lazy("postroom.cli.token", "What programs show to use the API."),
    "webhook": Lazy("postroom.cli.webhook", "Programs that are told what happens."),
    "suppression": Lazy("postroom.cli.suppression", "Addresses that are not written to."),
    "ban": Lazy("postroom.cli.ban", "Networks that get no service."),
    "apply": Lazy("postroom.cli.apply", "Make everything as a file says."),
    "audit": Lazy("postroom.cli.audit", "Who changed what."),
    "queue": Lazy("postroom.cli.queue", "Mail that waits to be delivered."),
    "spam": Lazy("postroom.cli.spam", "The spam filter: teach it, and ask it."),
    "search": Lazy("postroom.cli.search", "The index that makes searching mail quick."),
    "rejects": Lazy("postroom.cli.rejects", "Messages that were refused, and can be released."),
    "undelete": Lazy("postroom.cli.undelete", "Deleted messages that can be had back."),
    "import": Lazy("postroom.cli.importing", "Bring mail from elsewhere.", "importing"),
    "fetch": Lazy("postroom.cli.fetch", "Mail from accounts elsewhere."),
    "export": Lazy("postroom.cli.export", "Write the mail of an account into a folder."),
    "status": Lazy("postroom.cli.status", "How the server does, and what to do."),
    "doctor": Lazy("postroom.cli.doctor", "What is wrong here, and what to do."),
    "backup": Lazy("postroom.cli.backup", "Everything, safe in a second place."),
    "restore": Lazy("postroom.cli.restore", "Bring a backup back."),
    "trace": Lazy("postroom.cli.trace", "What happened to a message."),
    "explain": Lazy("postroom.cli.explain", "Why a message is believed, or not."),
    "reports": Lazy("postroom.cli.reports", "What others report on your domains, and our reports."),
    "completion": Lazy("postroom.cli.completion", "Let the shell complete these commands."),
}


class Failed(click.ClickException):
    """One line for people, exit status 1."""

    def show(self, file: object = None) -> None:  # noqa: ARG002 click's signature
        """Print it to standard error; what was typed may hold anything."""
        line = self.message.encode("unicode_escape").decode("ascii")
        click.echo(f"postroom: {self.message if self.message.isprintable() else line}", err=True)


class Postroom(click.Group):
    """Knows its commands by name, loads them when needed, and turns refusals into lines."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Every command, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's module; its command has the command's name."""
        if cmd_name not in COMMANDS:
            return None
        lazy = COMMANDS[cmd_name]
        found = getattr(
            importlib.import_module(lazy.module), lazy.attribute or cmd_name.replace("-", "_")
        )
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; for one that there is not, those with a name like it."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise NoSuchCommand(args[0], possibilities=list(COMMANDS), ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Print the table without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands come from the table, so the Tab key need not wait for imports."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(name, help=lazy.summary)
            for name, lazy in COMMANDS.items()
            if name.startswith(incomplete)
        ]

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; refusals and failures become ``Failed``."""
        try:
            return super().invoke(ctx)
        except NoSuchCommand as error:
            group = error.ctx.command if error.ctx and error.ctx.parent else None
            if isinstance(group, click.Group) and error.ctx and not error.possibilities:
                known = ", ".join(group.list_commands(error.ctx))
                raise click.UsageError(f"{error.message} There are {known}.", error.ctx) from error
            raise
        except Refused as error:
            raise Failed(str(error)) from error
        except StorageFailed as error:
            why = " ".join(error.detail.split()) or error.text
            raise Failed(f"the database failed ({why}); see: postroom doctor") from error
        except MailError as error:
            raise Failed(
                f"{error.text}" + (f" ({error.detail})" if error.detail else "")
            ) from error
        except UnicodeDecodeError as error:
            where = f"{error.reason} at octet {error.start}"
            raise Failed(f"what was to be read is no text in UTF-8: {where}") from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has gone
                raise
            where = f"{error.filename}: " if error.filename else ""
            raise Failed(f"{where}{error.strerror or error}") from error


@click.group(
    cls=Postroom, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True
)
@click.option(
    "-c",
    "--config",
    type=click.Path(dir_okay=False),
    help="The settings. Default: POSTROOM_CONFIG, ./postroom.toml, /etc/postroom/postroom.toml.",
)
@click.version_option(VERSION, prog_name="postroom")
@click.pass_context
def postroom(context: click.Context, config: str | None) -> None:
    """Postroom, a complete mail server.

    Commands work while the server runs, and count at once.
    """
    context.obj = config


def main() -> None:
    """Run the command line; the exit status is 0, 1 or 2."""
    postroom(prog_name="postroom")
