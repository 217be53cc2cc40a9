"""What a script asks while it runs, as values; the run itself is a generator.

It yields a question and is sent the answer. Who drives it knows the mailboxes; an exception
(a database that does not answer) may be thrown into it and comes out again.
"""

from collections.abc import Generator
from typing import TypeVar

import msgspec

from postroom.sieve.script import Script


class MailboxExists(msgspec.Struct, frozen=True):
    """Is there a mailbox of this name that letters can be filed into? (RFC 5490 §3.1) bool."""

    mailbox: str


class MailboxIdExists(msgspec.Struct, frozen=True):
    """Is there a mailbox with this id? (RFC 9042 §5) bool."""

    id: str


class SpecialUseExists(msgspec.Struct, frozen=True):
    r"""Has this mailbox, or any one without a name, the attribute? (RFC 8579 §4.1) bool.

    ``use`` is as the script wrote it, ``\Junk``; attributes know no case.
    """

    use: str
    mailbox: str | None = None


class Metadata(msgspec.Struct, frozen=True):
    """The value of an annotation of a mailbox or, without one, of the server (RFC 5490 §3.3).

    str, or None when there is none.
    """

    entry: str
    mailbox: str | None = None


class WasSeen(msgspec.Struct, frozen=True):
    """Is this key, remembered earlier (``Remember``), still unexpired? (RFC 7352 §3) bool."""

    key: str


class ScriptText(msgspec.Struct, frozen=True):
    """A script of the owner's, or of everybody's (RFC 6609 §3.2).

    Its octets, the script already compiled, or None when there is none.
    """

    name: str
    is_global: bool = False


ResultT = TypeVar("ResultT")
Question = MailboxExists | MailboxIdExists | SpecialUseExists | Metadata | WasSeen | ScriptText
Answer = bool | str | bytes | Script | None
Asking = Generator[Question, Answer, ResultT]
