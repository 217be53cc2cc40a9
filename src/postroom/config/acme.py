"""The settings about certificates from an authority."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Acme(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Certificates that are ordered and renewed by themselves (ACME, RFC 8555).

    For hostname, unless tls.certificate names a file, and for the names of own domains that mail
    programs look for, as far as DNS leads them here. The authority asks over HTTP on port 80.
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
    contact: Annotated[
        str, Meta(description="A mail address for the authority's notices. Empty: none.")
    ] = ""
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file that vouches for the directory. Default: the usual ones."),
    ] = None
