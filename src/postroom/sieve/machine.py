"""The state of one run: what it may still spend, its variables, and what it wants done."""

from collections.abc import Iterable, Sequence

import msgspec

from postroom.message.part import Part
from postroom.sieve.actions import (
    Action,
    Discard,
    FileInto,
    Flags,
    Keep,
    Notify,
    Redirect,
    Reject,
    Remember,
    Vacation,
)
from postroom.sieve.heads import Head
from postroom.sieve.letter import Environment, Letter
from postroom.sieve.limits import MAX_CAPTURES, MAX_TEXT, MAX_VARIABLE, MAX_VARIABLES
from postroom.sieve.matching import Keys
from postroom.sieve.problems import RunError
from postroom.sieve.script import Call, Match, Reference, Template, Text, Value


class Scope(msgspec.Struct):
    """The variables of one script; ``shared`` names are those of ``global``."""

    variables: dict[str, str] = msgspec.field(default_factory=dict)
    shared: set[str] = msgspec.field(default_factory=set)


class Machine:
    """What commands and tests work on."""

    def __init__(self, letter: Letter, environment: Environment) -> None:
        self.letter = letter
        self.environment = environment
        self.limits = environment.limits
        self.head = Head(letter.head)
        self.is_edited = False
        self.scope = Scope()
        self.globals: dict[str, str] = {}
        self.captures: Sequence[str] = ()
        self.flags: Flags = ()
        self.parts: list[Part] = []  # of foreverypart, the innermost last
        self.has_implicit_keep = True
        self.is_partial = False
        self.readings: dict[int, str] = {}  # texts of parts, by the offset of their body
        self.seen: dict[str, bool] = {}  # what duplicate was told
        self.remembered: dict[str, Remember] = {}
        self.actions: list[Action] = []
        self.steps = 0

    def spend(self, steps: int) -> None:
        """Count; raises RunError when it is too much."""
        self.steps += steps
        if self.steps > self.limits.max_steps:
            raise RunError("the script takes too long with this letter")

    # -- strings

    def text(self, value: Value | None) -> str:
        """A string with its variables filled in."""
        return self._filled(value[0]) if isinstance(value, tuple) else ""

    def texts(self, value: Value | None) -> list[str]:
        """A list of strings, likewise."""
        return [self._filled(text) for text in value] if isinstance(value, tuple) else []

    def _filled(self, text: Text) -> str:
        if not isinstance(text, Template):
            return text
        pieces: list[str] = []
        room = MAX_TEXT
        for piece in text.pieces:
            pieces.append(self._value(piece)[:room])
            room -= len(pieces[-1])
            if not room:
                break
        self.spend(1 + len(pieces) // 8 + (MAX_TEXT - room) // 64)
        return "".join(pieces)

    def _value(self, piece: str | Reference) -> str:
        if isinstance(piece, str):
            return piece
        if piece.index is not None:
            return self.captures[piece.index] if piece.index < len(self.captures) else ""
        return self.variable(piece.name, piece.namespace)

    def variable(self, name: str, namespace: str = "") -> str:
        """The value, "" for one that was never set."""
        return self._place(name, namespace).get(name, "")

    def assign(self, name: str, value: str, namespace: str = "") -> None:
        """Set a variable; what is too long is cut (RFC 5229 §6)."""
        place = self._place(name, namespace)
        if name not in place and len(place) >= MAX_VARIABLES:
            raise RunError(f"there are more than {MAX_VARIABLES} variables")
        place[name] = value[:MAX_VARIABLE]

    def _place(self, name: str, namespace: str) -> dict[str, str]:
        if namespace == "global" or name in self.scope.shared:
            return self.globals
        return self.scope.variables

    # -- comparing

    def compare(
        self, call: Call, texts: Iterable[str], keys: Value | None, *, captures: bool = True
    ) -> bool:
        """Does any of the texts fit any of the keys? ``captures``: set ${1} and so on."""
        if call.match.kind == "count":
            count = str(sum([1 for _ in texts]))
            match = Match("value", call.match.comparator, call.match.relation)
            return Keys(match, self.texts(keys)).fit(count)
        wanted = Keys(call.match, self.texts(keys))
        self.spend(wanted.price)
        is_costly = call.match.comparator == "i;unicode-casemap"
        for text in texts:
            self.spend(wanted.weight * (1 + len(text) // 256))
            if is_costly and not text.isascii():
                self.spend(len(text) // 16)
            if wanted.fit(text):
                if wanted.captures is not None and captures:
                    found = wanted.captures[: MAX_CAPTURES + 1]
                    self.captures = tuple([one[:MAX_VARIABLE] for one in found])
                return True
        return False

    # -- actions

    @property
    def edited(self) -> bytes | None:
        """The header block when it is not the one that came."""
        return self.head.octets if self.is_edited else None

    @property
    def is_in_inbox(self) -> bool:
        """An action files into the inbox, so the implicit keep would only do it again."""
        return any(_target(action) == _target(Keep()) for action in self.actions)

    def add(self, action: Action) -> None:
        """Take an action; one that is there already, into the same place, is not repeated."""
        self._check_conflicts(action)
        target = _target(action)
        for index, earlier in enumerate(self.actions):
            if target is not None and _target(earlier) == target:
                self.actions[index] = _merged(earlier, action)
                return
        if len(self.actions) >= self.limits.max_actions:
            raise RunError(f"there are more than {self.limits.max_actions} actions")
        self._check_number(action, Redirect, self.limits.max_redirects, "redirect")
        self._check_number(action, Notify, self.limits.max_notices, "notify")
        self.actions.append(action)

    def _check_number(self, action: Action, kind: type[Action], most: int, name: str) -> None:
        if isinstance(action, kind):
            number = sum([isinstance(one, kind) for one in self.actions])
            if number >= most:
                raise RunError(f"there are more than {most} {name} actions")

    def _check_conflicts(self, action: Action) -> None:
        """RFC 5429 §2.4, RFC 5230 §4.7: who refuses a letter does nothing else with it."""
        for earlier in self.actions:
            for one, other in ((earlier, action), (action, earlier)):
                if isinstance(one, Reject) and not isinstance(other, Discard | Notify):
                    name = "ereject" if one.is_ereject else "reject"
                    raise RunError(f"{name} can't go with {_NAMES[type(other)]}")
        if isinstance(action, Vacation) and any(isinstance(one, Vacation) for one in self.actions):
            raise RunError("vacation may be used only once")


_NAMES = {
    Keep: "keep",
    FileInto: "fileinto",
    Redirect: "redirect",
    Reject: "another reject",
    Vacation: "vacation",
}


def _target(action: Action) -> tuple[object, ...] | None:
    """What makes two actions the same one."""
    match action:
        case Keep():
            return ("mailbox", "INBOX", None, None)
        case FileInto(mailbox=mailbox, special_use=use, mailbox_id=mailbox_id):
            name = "INBOX" if mailbox.upper() == "INBOX" else mailbox
            return ("mailbox", name, use and use.lower(), mailbox_id)
        case Redirect(address=address):
            return ("redirect", address)
        case Discard():
            return ("discard",)
        case _:
            return None


def _merged(earlier: Action, later: Action) -> Action:
    """The earlier action with what the later one says anew: the flags (RFC 5232 §4)."""
    if isinstance(earlier, Keep | FileInto) and isinstance(later, Keep | FileInto):
        return msgspec.structs.replace(earlier, flags=later.flags, head=later.head)
    return earlier
