"""Commands that are done with at once: actions, variables, flags.

RFC 5228 §4; the flow of control is the interpreter's.
"""

from collections.abc import Callable
from typing import Final

from postroom.sieve import bodies, editing, filing, flags, inclusion, notices, vacation, variables
from postroom.sieve.actions import Discard, Keep, Redirect, Reject
from postroom.sieve.details import address
from postroom.sieve.machine import Machine
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


def reject(machine: Machine, call: Call) -> None:
    """Refuse the letter."""
    reason = machine.text(call.arguments[0])
    machine.add(Reject(reason, is_ereject=call.name == "ereject"))
    machine.has_implicit_keep = False


COMMANDS: Final[dict[str, Callable[[Machine, Call], None]]] = {
    "keep": keep,
    "discard": discard,
    "redirect": redirect,
    "fileinto": filing.fileinto,
    "reject": reject,
    "ereject": reject,
    "set": variables.set_variable,
    "setflag": flags.change,
    "addflag": flags.change,
    "removeflag": flags.change,
    "vacation": vacation.vacation,
    "notify": notices.notify,
    "addheader": editing.add_header,
    "deleteheader": editing.delete_header,
    "extracttext": bodies.extract_text,
    "global": inclusion.share,
}
