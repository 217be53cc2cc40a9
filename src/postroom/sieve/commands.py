"""Commands that are done with at once: actions, variables, flags.

RFC 5228 §4; the flow of control is the interpreter's.
"""

from collections.abc import Callable
from typing import Final

from postroom.sieve import flags, variables
from postroom.sieve.actions import Discard, FileInto, Keep, Redirect, Reject
from postroom.sieve.details import address
from postroom.sieve.machine import Machine
from postroom.sieve.problems import RunError
from postroom.sieve.script import Call


def keep(machine: Machine, call: Call) -> None:
    """Into the inbox."""
    machine.add(Keep(flags=flags.of_action(machine, call), head=machine.edited))
    machine.has_implicit_keep = False


def discard(machine: Machine, call: Call) -> None:  # noqa: ARG001
    """Do without the implicit keep."""
    machine.add(Discard())
    machine.has_implicit_keep = False


def redirect(machine: Machine, call: Call) -> None:
    """To another address."""
    copy = "copy" in call.tags
    target = address(machine.text(call.arguments[0]))
    machine.add(Redirect(address=target, copy=copy, head=machine.edited))
    machine.has_implicit_keep = machine.has_implicit_keep and copy


def fileinto(machine: Machine, call: Call) -> None:
    """Into a mailbox."""
    action = filing(machine, call, machine.text(call.arguments[0]))
    machine.add(action)
    machine.has_implicit_keep = machine.has_implicit_keep and action.copy


def filing(machine: Machine, call: Call, mailbox: str) -> FileInto:
    """The action as the tags say it; also what ``:fcc`` asks for (RFC 8580)."""
    if not mailbox:
        raise RunError("the name of the mailbox is empty")
    use = machine.text(call.tags["specialuse"]) if "specialuse" in call.tags else None
    mailbox_id = machine.text(call.tags["mailboxid"]) if "mailboxid" in call.tags else None
    return FileInto(
        mailbox=mailbox,
        flags=flags.of_action(machine, call),
        create="create" in call.tags,
        copy="copy" in call.tags,
        special_use=use,
        mailbox_id=mailbox_id,
        head=machine.edited,
    )


def reject(machine: Machine, call: Call) -> None:
    """Refuse the letter."""
    reason = machine.text(call.arguments[0])
    machine.add(Reject(reason, is_ereject=call.name == "ereject"))
    machine.has_implicit_keep = False


COMMANDS: Final[dict[str, Callable[[Machine, Call], None]]] = {
    "keep": keep,
    "discard": discard,
    "redirect": redirect,
    "fileinto": fileinto,
    "reject": reject,
    "ereject": reject,
    "set": variables.set_variable,
    "setflag": flags.change,
    "addflag": flags.change,
    "removeflag": flags.change,
}
