"""Every method there is, and the capability that it is of (RFC 8620 §3.3)."""

from collections.abc import Mapping
from typing import Final

from postroom.web.jmap import (
    blob_copy,
    email_copy,
    email_import,
    email_parse,
    email_set,
    emails,
    identities,
    limits,
    mailbox_set,
    mailboxes,
    query,
    snippets,
    submissions,
    threads,
    vacation,
)
from postroom.web.jmap.method import Call, Method, Methods, Result


async def echo(call: Call) -> Result:
    """Core/echo, RFC 8620 §4."""
    return dict(call.arguments)


_CORE: Final[Methods] = {"Core/echo": echo}

_BY_CAPABILITY: Final[Mapping[str, tuple[Methods, ...]]] = {
    limits.CORE: (_CORE, blob_copy.METHODS),
    limits.MAIL: (
        mailboxes.METHODS,
        mailbox_set.METHODS,
        threads.METHODS,
        emails.METHODS,
        query.METHODS,
        snippets.METHODS,
        email_set.METHODS,
        email_copy.METHODS,
        email_import.METHODS,
        email_parse.METHODS,
    ),
    limits.SUBMISSION: (identities.METHODS, submissions.METHODS),
    limits.VACATION: (vacation.METHODS,),
}

METHODS: Final[Mapping[str, tuple[str, Method]]] = {
    name: (capability, method)
    for capability, nouns in _BY_CAPABILITY.items()
    for methods in nouns
    for name, method in methods.items()
}
"""By name: the capability that has to be in ``using``, and what answers."""
