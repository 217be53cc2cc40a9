"""The envelope of a transaction for one server: may it go there, and with which commands.

What the server has told of itself in EHLO is enough to refuse some transactions before a
word is said. RFC 1870 §6.1 (SIZE), RFC 6531 §3.5 (SMTPUTF8), RFC 8689 §4.2.1 (REQUIRETLS).
"""

from typing import Final

from postroom.protocol.smtp.client_commands import mail, rcpt
from postroom.protocol.smtp.client_replies import ServerReply, local_reply
from postroom.protocol.smtp.client_states import Wait
from postroom.protocol.smtp.client_transaction import Transaction
from postroom.protocol.smtp.extensions import Extensions

TOO_BIG: Final = local_reply(552, "5.3.4", "The message is larger than the server takes")
NO_SMTPUTF8: Final = local_reply(553, "5.6.7", "The server does not take UTF-8 addresses")
NO_REQUIRETLS: Final = local_reply(550, "5.7.30", "The server does not offer REQUIRETLS")


def refusal(transaction: Transaction, extensions: Extensions) -> ServerReply | None:
    """Why this server can't take it, or None."""
    if extensions.size and transaction.size > extensions.size:
        return TOO_BIG
    if transaction.needs_smtputf8 and not extensions.smtputf8:
        return NO_SMTPUTF8
    if transaction.requiretls and not extensions.requiretls:
        return NO_REQUIRETLS
    return None


def envelope(transaction: Transaction, extensions: Extensions) -> list[tuple[bytes, Wait]]:
    """MAIL and each RCPT, with what answers them. Raises ValueError, UnsafeArgument too."""
    if not transaction.recipients:
        raise ValueError("a transaction has at least one recipient")
    utf8 = transaction.needs_smtputf8
    commands = [(mail(transaction, extensions), Wait.MAIL)]
    commands += [
        (rcpt(recipient, extensions, utf8=utf8), Wait.RCPT) for recipient in transaction.recipients
    ]
    return commands
