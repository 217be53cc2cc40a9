"""Running a script: the flow of control, on a stack of its own.

A run never fails because of what is in the script or the letter: what goes wrong is in the
outcome, which then keeps the letter (RFC 5228 §2.10.6). RFC 6609 (include), RFC 5703 §3.
"""

from collections.abc import Iterator, Sequence

import msgspec

from postroom.message.part import Part
from postroom.sieve import inclusion, mime
from postroom.sieve.actions import Keep, Outcome
from postroom.sieve.commands import COMMANDS
from postroom.sieve.letter import Environment, Letter
from postroom.sieve.machine import Machine, Scope
from postroom.sieve.problems import RunError
from postroom.sieve.questions import Asking, ScriptText
from postroom.sieve.script import Call, Script
from postroom.sieve.tests import holds


class Passed(msgspec.Struct, frozen=True):
    """A command that was run; ``script`` is the name of the included one it stands in."""

    line: int
    column: int
    command: str
    script: str = ""


def run(
    script: Script,
    letter: Letter,
    environment: Environment,
    trail: list[Passed] | None = None,
) -> Asking[Outcome]:
    """What the script wants done with the letter; yields questions (``questions``).

    Each command that is run is appended to ``trail``. Raises nothing but what is thrown into it.
    """
    machine = Machine(letter, environment)
    runner = _Runner(machine, script, trail)
    try:
        yield from runner.run()
    except RunError as error:
        return Outcome(
            actions=(Keep(is_implicit=True),),
            error=f"{runner.where()}: {error}",
            is_partial=machine.is_partial,
            steps=machine.steps,
        )
    if machine.has_implicit_keep and not machine.is_in_inbox:
        machine.actions.append(Keep(flags=machine.flags, is_implicit=True, head=machine.edited))
    return Outcome(
        actions=tuple(machine.actions),
        remember=tuple(machine.remembered.values()),
        is_partial=machine.is_partial,
        steps=machine.steps,
    )


class _Frame(msgspec.Struct):
    """Commands that are being run, and what they are: a block, a loop's, or a script's."""

    commands: tuple[Call, ...]
    next: int = 0
    loop: Iterator[Part] | None = None
    loop_name: str = ""
    script: ScriptText | None = None  # the script that was included
    before: tuple[Scope, Sequence[str]] | None = None  # what its includer goes on with


class _Runner:
    def __init__(self, machine: Machine, script: Script, trail: list[Passed] | None) -> None:
        self._machine = machine
        self._trail = trail
        self._frames = [_Frame(script.commands)]
        self._call: Call | None = None
        self._included: set[ScriptText] = set()
        self._inclusions = 0

    def where(self) -> str:
        """The place of the command that is run, for people."""
        place = f"line {self._call.place.line}" if self._call else "line 1"
        script = self._included_script()
        return f'{place} of the included script "{script.name[:60]}"' if script else place

    def _included_script(self) -> ScriptText | None:
        return next((one.script for one in reversed(self._frames) if one.script), None)

    def run(self) -> Asking[None]:
        while self._frames:
            frame = self._frames[-1]
            if frame.next < len(frame.commands):
                self._call = call = frame.commands[frame.next]
                frame.next += 1
                self._machine.spend(1)
                if self._trail is not None:
                    self._note(self._trail, call)
                yield from self._do(call)
            else:
                self._end(frame)

    def _note(self, trail: list[Passed], call: Call) -> None:
        script = self._included_script()
        place = call.place
        trail.append(Passed(place.line, place.column, call.name, script.name if script else ""))

    def _end(self, frame: _Frame) -> None:
        """The commands of a frame are done: the loop goes on, or the frame ends."""
        if frame.loop is not None:
            self._machine.parts.pop()
            if self._next_part(frame):
                return
        self._leave()

    def _leave(self) -> _Frame:
        """Take the innermost frame away."""
        frame = self._frames.pop()
        if frame.before is not None:
            self._machine.scope, self._machine.captures = frame.before
        return frame

    def _next_part(self, frame: _Frame) -> bool:
        part = next(frame.loop, None) if frame.loop is not None else None
        if part is None:
            return False
        self._machine.parts.append(part)
        self._machine.spend(1)
        frame.next = 0
        return True

    def _do(self, call: Call) -> Asking[None]:
        match call.name:
            case "if":
                for test, block in call.branches:
                    if test is None or (yield from holds(self._machine, test)):
                        self._frames.append(_Frame(block))
                        break
            case "stop":
                self._frames.clear()
            case "include":
                yield from self._include(call)
            case "return":
                self._return()
            case "error":
                raise RunError(self._machine.text(call.arguments[0])[:500])
            case "foreverypart":
                self._loop(call)
            case "break":
                self._break(self._machine.text(call.tags.get("name")))
            case _:
                COMMANDS[call.name](self._machine, call)

    def _loop(self, call: Call) -> None:
        name = self._machine.text(call.tags.get("name"))
        frame = _Frame(call.block, loop=mime.loop(self._machine), loop_name=name)
        if self._next_part(frame):
            self._frames.append(frame)

    def _break(self, name: str) -> None:
        while True:
            frame = self._leave()
            if frame.loop is not None:
                self._machine.parts.pop()
                if not name or frame.loop_name == name:
                    return

    def _return(self) -> None:
        """End the included script, or the whole one (RFC 6609 §3.3)."""
        while self._frames:
            frame = self._leave()
            if frame.loop is not None:
                self._machine.parts.pop()
            if frame.script is not None:
                return

    def _include(self, call: Call) -> Asking[None]:
        machine = self._machine
        question = inclusion.wanted(machine, call)
        if "once" in call.tags and question in self._included:
            return
        around = [frame.script for frame in self._frames if frame.script is not None]
        if question in around:
            raise RunError(f'the script "{question.name[:60]}" includes itself')
        if len(around) >= machine.limits.max_depth:
            raise RunError(f"scripts include each other more than {machine.limits.max_depth} deep")
        if self._inclusions >= machine.limits.max_included:
            raise RunError(f"more than {machine.limits.max_included} scripts are included")
        script = yield from inclusion.fetch(machine, question, optional="optional" in call.tags)
        if script is None:
            return
        self._inclusions += 1
        self._included.add(question)
        before = (machine.scope, machine.captures)
        self._frames.append(_Frame(script.commands, script=question, before=before))
        machine.scope, machine.captures = Scope(), ()
