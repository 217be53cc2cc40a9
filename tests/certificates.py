"""Certificates: one authority for all tests, each certificate made once.

A client's context trusts that authority alone: to read those of the system, as
``ssl.create_default_context`` does, costs more than most tests.
"""

import contextlib
import functools
import ssl
from collections.abc import Sequence
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


def shaken(
    context: ssl.SSLContext, name: str | None = None, offered: Sequence[str] = ()
) -> ssl.SSLObject:
    """The client's side of a handshake in memory, by one that takes any certificate."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    if offered:
        trust.set_alpn_protocols(offered)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = trust.wrap_bio(to_client, to_server, server_hostname=name)
    served = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (asking, served):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return asking
