"""The settings about reports to other domains, and from them."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Reports(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Daily reports by mail: DMARC (RFC 9990) and TLS (RFC 8460)."""

    send: Annotated[
        bool,
        Meta(
            description="Tell domains that ask for it, once a day, how their mail fared here "
            "(DMARC) and how TLS to them went. Reports hold counts and addresses of servers, nothing "
            "of messages."
        ),
    ] = False
    organization: Annotated[str, Meta(description="Who reports. Default: the hostname.")] = ""
    sender: Annotated[
        str,
        Meta(
            description="Whose address stands in From; its domain should be one of this server, so "
            "that reports are signed. Default: postmaster of the domain here that the hostname is in."
        ),
    ] = ""
    receive: Annotated[
        bool,
        Meta(
            description="Read reports on domains of this server that come by mail, authenticated, "
            "for `postroom reports`. They are delivered as well."
        ),
    ] = True
