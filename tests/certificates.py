"""Certificates: one authority for all tests, each certificate made once.

A client's context trusts that authority alone: to read those of the system, as
``ssl.create_default_context`` does, costs more than most tests.
"""

import functools
import ssl
from typing import Final

import trustme

AUTHORITY: Final = trustme.CA()


@functools.cache
def _issued(authority: trustme.CA, *names: str) -> trustme.LeafCert:
    return authority.issue_cert(*names)


def server(*names: str, authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    """What a server shows that has these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _issued(authority, *names).configure_cert(context)
    return context


def client() -> ssl.SSLContext:
    """A client that trusts the authority, and checks names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    AUTHORITY.configure_trust(context)
    return context
