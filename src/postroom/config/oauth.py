"""The settings about access tokens."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Oauth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Logging in with access tokens (OAUTHBEARER, XOAUTH2) of an authorization server."""

    introspection: Annotated[
        str | None,
        Meta(
            description="The https address of its introspection endpoint (RFC 7662). "
            "Without it tokens are not offered."
        ),
    ] = None
    client_id: Annotated[str, Meta(description="Who we are there.")] = ""
    client_secret_file: Annotated[
        str | None, Meta(description="File with our secret there, nothing else in it.")
    ] = None
    claim: Annotated[
        str,
        Meta(
            description="Which member of an answer is the address of the account. One that its "
            "owner can change at will is no proof."
        ),
    ] = "email"
    audience: Annotated[
        str, Meta(description="Tokens for others are refused: our name in aud. Empty: not asked.")
    ] = ""
    scope: Annotated[str, Meta(description="A scope that tokens must have. Empty: none.")] = ""
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file with the authorities of the server. Default: the system's."),
    ] = None
