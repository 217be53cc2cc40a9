"""Other scripts inside a script: finding them, and their variables (RFC 6609)."""

from postroom.sieve.check import check
from postroom.sieve.machine import Machine
from postroom.sieve.mailboxes import ask
from postroom.sieve.parser import parse
from postroom.sieve.problems import RunError, ScriptError
from postroom.sieve.questions import Asking, ScriptText
from postroom.sieve.script import Call, Script
from postroom.sieve.strings import BadString, variable


def wanted(machine: Machine, call: Call) -> ScriptText:
    """Which script an ``include`` names."""
    name = machine.text(call.arguments[0])
    if not name:
        raise RunError("the name of the script is empty")
    return ScriptText(name, is_global="global" in call.tags)


def fetch(machine: Machine, question: ScriptText, *, optional: bool) -> Asking[Script | None]:
    """The script; None when there is none and that does not matter."""
    answer = yield from ask(machine, question)
    if isinstance(answer, Script):
        return answer
    if isinstance(answer, bytes):
        machine.spend(1 + len(answer))
        try:
            return check(parse(answer))
        except ScriptError as error:
            raise RunError(
                f'the included script "{question.name[:60]}" has errors: {error.problems[0]}'
            ) from None
    if optional:
        return None
    raise RunError(f'there is no script "{question.name[:60]}" to include')


def share(machine: Machine, call: Call) -> None:
    """The command ``global``: these names are those of all scripts that say so."""
    for name in machine.texts(call.arguments[0]):
        try:
            reference = variable(name, set())
        except BadString as error:
            raise RunError(str(error)) from None
        machine.scope.shared.add(reference.name)
