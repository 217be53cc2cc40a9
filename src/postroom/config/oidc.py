"""The settings about logging in to the browser at somebody else's login page."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Oidc(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Logging in to the browser with OpenID Connect (docs/administration.md).

    The provider's name for somebody must be an address of an account here. Mail programs go on
    with passwords (or with access tokens, [oauth]).
    """

    issuer: Annotated[
        str | None,
        Meta(
            description="The https address that the provider calls itself by; what else there is "
            "to know stands below it in .well-known/openid-configuration. Without it this way "
            "in is not offered."
        ),
    ] = None
    client_id: Annotated[str, Meta(description="Who we are there.")] = ""
    client_secret_file: Annotated[
        str | None, Meta(description="File with our secret there, nothing else in it.")
    ] = None
    label: Annotated[
        str, Meta(description="What the provider is called on the login form. Default: its host.")
    ] = ""
    claim: Annotated[
        str,
        Meta(
            description="Which member of the ID token is the address of the account. One that its "
            "owner can change at will is no proof."
        ),
    ] = "email"
    verified: Annotated[
        bool,
        Meta(
            description="With the claim email: the provider must say that it has verified the "
            "address (email_verified). Switch it off only for a provider of your own that gives "
            "everybody their address and does not say so."
        ),
    ] = True
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file with the authorities of the provider. Default: the system's."),
    ] = None
