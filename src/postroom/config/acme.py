"""The settings about certificates from an authority."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Acme(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Certificates that are ordered and renewed by themselves (ACME, RFC 8555).

    For hostname, unless tls.certificate names a file, and for the names of own domains that mail
    programs look for, as far as DNS leads them here.
    """

    accept_terms: Annotated[
        bool,
        Meta(
            description="Order certificates. You agree to the authority's terms of service with it."
        ),
    ] = False
    directory: Annotated[
        str, Meta(description="The authority's directory. Default: Let's Encrypt.")
    ] = "https://acme-v02.api.letsencrypt.org/directory"
    challenge: Annotated[
        Literal["auto", "http-01", "tls-alpn-01", "dns-01"],
        Meta(
            description="How the authority sees that a name is ours: it asks the http listener on "
            "port 80, the https listener on port 443, or DNS, where a provider lets the server "
            "write (postroom dns provider). auto: the first of these that is there, after a "
            "failure the next."
        ),
    ] = "auto"
    contact: Annotated[
        str, Meta(description="A mail address for the authority's notices. Empty: none.")
    ] = ""
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file that vouches for the directory. Default: the usual ones."),
    ] = None
