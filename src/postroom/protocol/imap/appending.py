"""APPEND or REPLACE in progress: its messages flow through and are never held.

What stands around the literals is read a segment at a time. Each event but ``Content``
waits for ``go_on``; ``leave`` ends the course early, and what the client still sends of
it is skipped, however many literals that are. A literal that was not asked for is never
read as commands.

RFC 3501 §6.3.11, §7.5; RFC 3502 (MULTIAPPEND); RFC 7888 (LITERAL+); RFC 8508.
"""

from postroom.protocol.imap.commands import Command, Replace
from postroom.protocol.imap.events import AppendEvent, Content, LiteralOffered, MessagesEnd
from postroom.protocol.imap.input import BLOCK, COMMAND_LIMIT, Input, LiteralHead
from postroom.protocol.imap.output import Output
from postroom.protocol.imap.parse_append import MessageReader, parse_append
from postroom.protocol.imap.responses import continuation
from postroom.protocol.imap.tokens import BadSyntax, CutLiteral, Reader


class Unwelcome(Exception):
    """A literal comes unasked that is above the limit: the connection can only end."""


class Appending:
    """The course of one APPEND over the input of its session."""

    __slots__ = (
        "_events",
        "_head",
        "_input",
        "_is_taken",
        "_left",
        "_limit",
        "_output",
        "_reader",
        "_waiting",
    )

    def __init__(self, source: Input, output: Output, limit: int) -> None:
        """``limit``: octets of a literal that may come unasked, 0 is none."""
        self._input = source
        self._output = output
        self._limit = limit
        self._reader = MessageReader()
        self._events: list[AppendEvent] = []  # of the segment, not handed out yet
        self._head: LiteralHead | None = None  # what the segment ends with
        self._is_taken = False  # its literal was welcome
        self._left = 0  # octets of it that are still to come
        self._waiting: Command | AppendEvent | None = None

    def begin(self, name: bytes, reader: Reader, head: LiteralHead | None) -> Command:
        """Read the first segment behind the command's name; it ends with ``head``.

        Raises BadSyntax, Unusable; CutLiteral when the literal is an argument.
        """
        command = parse_append(name, reader)
        self._reader = MessageReader(single=isinstance(command, Replace))
        events = self._reader.read(reader)
        self._take(events, head)
        self._waiting = command
        return command

    def refuse(self, head: LiteralHead) -> bool:
        """The first segment is bad; whether its literal has to be skipped."""
        self._take([], head)
        return self.leave()

    def go_on(self) -> None:
        """What the last event told is welcome."""
        event, self._waiting = self._waiting, None
        if isinstance(event, LiteralOffered):
            self._is_taken, self._left = True, event.size
            if event.is_synchronising:
                self._output.append(continuation(b"Ready for the message"))

    def next(self) -> AppendEvent | None:
        """The next event; None: more octets or a word are needed. Raises as ``Input`` does."""
        if self._waiting is not None:
            return None
        if self._left:
            block = self._block()
            return Content(block) if block else None
        while not self._events:
            if not self._read_segment():
                return None
        self._waiting = self._events.pop(0)
        return self._waiting

    def leave(self) -> bool:
        """The command is answered; whether the client still sends something of it."""
        head = self._head
        self._events.clear()
        if head is None or (head.is_synchronising and not self._is_taken):
            return False  # what was not asked for does not come
        if not self._is_taken:
            self._left = head.size
        return True

    def skip(self) -> bool:
        """Pass over what the client still sends; False: not all of it has come."""
        while True:
            while self._left:
                if not self._block():
                    return False
            line = self._input.command(COMMAND_LIMIT)
            if line is None:
                return False
            if not isinstance(line, LiteralHead):
                return True
            self._take([], line)
            if not self.leave():
                return True

    def _block(self) -> bytes:
        block = self._input.block(min(self._left, BLOCK))
        self._left -= len(block)
        return block

    def _read_segment(self) -> bool:
        """Read on up to a literal; False: not all of it has come."""
        segment = self._input.command(COMMAND_LIMIT)
        if segment is None:
            return False
        head = segment if isinstance(segment, LiteralHead) else None
        octets = segment.octets if isinstance(segment, LiteralHead) else segment
        events: list[AppendEvent]
        try:
            events = self._reader.read(Reader(octets))
        except BadSyntax as error:
            if isinstance(error, CutLiteral) and head is not None and self._input.admits(head):
                self._input.expect_literal(head.size)
                if head.is_synchronising:
                    self._output.append(continuation(b"Ready for the literal"))
                return True
            events = [MessagesEnd(str(error))]
        self._take(events, head)
        return True

    def _take(self, events: list[AppendEvent], head: LiteralHead | None) -> None:
        if head is not None:
            self._input.drop()
            if self._limit and head.size > self._limit and not head.is_synchronising:
                raise Unwelcome
        self._events, self._head, self._is_taken = events, head, False
