"""The parameters that a milter wants with a sender or recipient of its own.

Each is read as if a client had sent it (RFC 3461 RET, ENVID, NOTIFY, ORCPT; RFC 6152 BODY;
RFC 6531 SMTPUTF8; RFC 1870 SIZE, which is measured here and so changes nothing). What is no
such parameter, or makes no sense, is left out, and the operator is told.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import msgspec

from postroom.policy.filters.finding import one_line
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.protocol.smtp.faults import BadArguments
from postroom.protocol.smtp.parameters import mail_parameters, rcpt_parameters
from postroom.telemetry import sink
from postroom.telemetry.events import FilterUnheeded

Command = TypeVar("Command", Mail, Rcpt)

MAX_PARAMETERS: Final = 20
"""Of one address."""

_OF_MAIL: Final = {
    "BODY": "body",
    "ENVID": "envid",
    "RET": "ret",
    "SIZE": "size",
    "SMTPUTF8": "smtputf8",
}
_OF_RCPT: Final = {"NOTIFY": "notify", "ORCPT": "orcpt"}


class Wishes(msgspec.Struct, frozen=True):
    """Of one filter with one command, "MAIL" or "RCPT"; ``text`` as it came, printable."""

    called: str
    command: str
    text: str

    def of_mail(self, mail: Mail) -> Mail:
        """With what can be done; what is not mentioned stays."""
        for name, word in self._words(_OF_MAIL):
            mail = self._with(mail, name, word, lambda text: mail_parameters(None, text))
        return mail

    def of_rcpt(self, rcpt: Rcpt) -> Rcpt:
        """With what can be done."""
        for name, word in self._words(_OF_RCPT):
            rcpt = self._with(rcpt, name, word, lambda text: rcpt_parameters(None, text))
        return rcpt

    def _words(self, known: dict[str, str]) -> Iterator[tuple[str, str]]:
        words = self.text.split()
        for word in words[:MAX_PARAMETERS]:
            name = known.get(word.partition("=")[0].upper())
            if name is None:
                self._left_out(word)
            else:
                yield name, word
        if len(words) > MAX_PARAMETERS:
            self._left_out(f"all after the first {MAX_PARAMETERS}")

    def _with(
        self, command: Command, name: str, word: str, read: Callable[[str], Command]
    ) -> Command:
        try:
            found = read(word)
        except BadArguments:
            self._left_out(word)
            return command
        return msgspec.structs.replace(command, **{name: getattr(found, name)})

    def _left_out(self, what: str) -> None:
        sink.emit(FilterUnheeded(filter=self.called, command=self.command, what=one_line(what)))
