"""The settings about passwords that a directory server knows."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Ldap(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Testing passwords at an LDAP server, by binding as the person (docs/ldap.md).

    For accounts without a password of their own; app passwords go on as ever.
    """

    url: Annotated[
        str | None,
        Meta(
            description="The server: ldaps://ldap.example.org, or ldap://ldap.example.org with "
            "start_tls. Without it nothing is asked there."
        ),
    ] = None
    start_tls: Annotated[
        bool, Meta(description="With ldap://, TLS before anything is said. Off: on loopback only.")
    ] = True
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file with the authorities of the server. Default: the system's."),
    ] = None
    bind_dn: Annotated[
        str, Meta(description="Who looks people up. Empty: anybody may (an anonymous bind).")
    ] = ""
    password_file: Annotated[
        str | None, Meta(description="File with the password of bind_dn, nothing else in it.")
    ] = None
    base: Annotated[str, Meta(description="Where people are: ou=people,dc=example,dc=org.")] = ""
    filter: Annotated[
        str,
        Meta(
            description="Which entry is a person's: {address}, {local} and {domain} stand for the "
            "main address of the account and its parts, escaped (RFC 4515). Exactly one entry must "
            "match."
        ),
    ] = "(mail={address})"
    domains: Annotated[
        tuple[str, ...],
        Meta(description="Only for accounts in these domains. Empty: for all."),
    ] = ()
    seconds: Annotated[
        int,
        Meta(
            ge=1,
            le=60,
            description="How long each answer may take. Without one the login fails for now "
            "(454 4.7.0), and counts as no failure of the person.",
        ),
    ] = 5
