"""The settings about messages for other servers."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Process = Literal["auto", "always", "never"]


class Delivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How messages leave for other servers, and how long that is tried."""

    first_retry_minutes: Annotated[
        int, Meta(ge=1, le=1_440, description="Wait after the first attempt that failed.")
    ] = 5
    longest_retry_minutes: Annotated[
        int,
        Meta(ge=1, le=10_080, description="The wait doubles after each attempt, up to this."),
    ] = 240
    delay_notice_hours: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000,
            description="Tell the sender once that a message is late, after so long. 0: never.",
        ),
    ] = 4
    give_up_hours: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Return the message after so long (RFC 5321 §4.5.4.1: 4 to 5 days).",
        ),
    ] = 120
    backup_mx_give_up_hours: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="The same of messages for domains that this server is a backup MX for, "
            "whose own servers may be away for longer; at least `give_up_hours`.",
        ),
    ] = 720
    max_connections: Annotated[
        int, Meta(ge=1, le=10_000, description="Connections to other servers at one time.")
    ] = 100
    max_connections_per_destination: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000,
            description="The same to one destination. Begins with five and grows while all is "
            "well there; a few large providers have limits of their own.",
        ),
    ] = 20
    max_recipients: Annotated[
        int,
        Meta(ge=1, le=100_000, description="Recipients in one transaction with another server."),
    ] = 100
    max_messages: Annotated[
        int, Meta(ge=1, le=100_000, description="Messages over one connection.")
    ] = 100
    process: Annotated[
        Process,
        Meta(
            description="Whether messages leave from a process of their own, on another core: "
            '"auto" while a hundred or more leave in a second and this machine has a second core, '
            '"always", or "never". It takes about 60 MB while it is there.'
        ),
    ] = "auto"
    idle_seconds: Annotated[
        int,
        Meta(ge=0, le=300, description="How long a connection is kept for the next message."),
    ] = 5
    allow_private: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks of loopback and private addresses to which mail may be "
            'delivered when a domain\'s MX points there: ["10.0.0.0/8"]. None by default; relays '
            "may be anywhere."
        ),
    ] = ()
    port: Annotated[
        int, Meta(ge=1, le=65_535, description="The port of other mail servers; not of relays.")
    ] = 25
    source_ipv4: Annotated[
        str | None, Meta(description="The address of this machine to connect from over IPv4.")
    ] = None
    source_ipv6: Annotated[str | None, Meta(description="The same over IPv6.")] = None
    ca_file: Annotated[
        str | None,
        Meta(
            description="PEM file of the authorities that other servers' certificates are checked "
            "against, where they must be. Default: the system's."
        ),
    ] = None
    notices_per_hour: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Notices of delivery to one address in an hour; what is over is told in "
            "the log and by `postroom trace` only.",
        ),
    ] = 100
    capture: Annotated[
        bool,
        Meta(
            description="Send nothing: file each message for another server into the mailbox "
            "`outbound` of the first domain. For trying out."
        ),
    ] = False
