"""Reading commands about access control lists (RFC 4314 §3, §7).

Identifiers are prepared with SASLprep. Which rights there are is for ``access``; here they
are small letters and digits.
"""

import re
from typing import Final

from postroom.protocol.imap import commands
from postroom.protocol.imap.commands import Action, Command
from postroom.protocol.imap.parse_mailbox import read_mailbox
from postroom.protocol.imap.tokens import BadSyntax, Reader
from postroom.protocol.sasl.prep import is_prohibited, mapped

MAX_IDENTIFIER: Final = 320  # octets: an address and a little more

_RIGHTS: Final = re.compile(rb"[a-z0-9]{0,64}")
_ACTIONS: Final[dict[bytes, Action]] = {b"+": "add", b"-": "remove"}


def parse_setacl(reader: Reader) -> Command:
    """RFC 4314 §3.1."""
    mailbox = read_mailbox(reader)
    reader.space()
    identifier = _identifier(reader)
    reader.space()
    text = reader.astring()
    action = _ACTIONS.get(text[:1], "replace")
    rights = text if action == "replace" else text[1:]
    if not _RIGHTS.fullmatch(rights):
        raise BadSyntax("Rights are small letters and digits")
    return commands.SetAcl(mailbox, identifier, action, rights.decode("ascii"))


def parse_deleteacl(reader: Reader) -> Command:
    """RFC 4314 §3.2."""
    mailbox = read_mailbox(reader)
    reader.space()
    return commands.DeleteAcl(mailbox, _identifier(reader))


def parse_listrights(reader: Reader) -> Command:
    """RFC 4314 §3.4."""
    mailbox = read_mailbox(reader)
    reader.space()
    return commands.ListRights(mailbox, _identifier(reader))


def _identifier(reader: Reader) -> str:
    octets = reader.astring()
    try:
        text = mapped(octets.decode())
    except UnicodeDecodeError:
        raise BadSyntax("The identifier is no UTF-8") from None
    if not text or len(octets) > MAX_IDENTIFIER or any(map(is_prohibited, text)):
        raise BadSyntax("The identifier is empty, too long, or holds what no name may hold")
    return text
