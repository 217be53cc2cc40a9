"""The settings about those who connect to bring mail: suspicion, lists, rates.

``docs/policy.md`` tells a postmaster how they work together.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Pattern = tuple[tuple[int, int], ...]  # the least and the greatest value of each octet
Score = Annotated[int, Meta(ge=-100, le=100)]
Rate = Annotated[int, Meta(ge=0, le=100_000_000)]


class Connections(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is asked of those who bring mail from elsewhere.

    Only where checks = "full" and protocol = "smtp", and not of who has logged in or is in
    relay_from. What speaks against a client adds to its score: see docs/policy.md.
    """

    exempt: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks that are never suspected, counted or banned: another MX of your "
            'domains, your monitoring: ["192.0.2.10/32"].'
        ),
    ] = ()
    greeting_pause: Annotated[
        int,
        Meta(
            ge=0,
            le=60,
            description="Seconds that a suspicious client waits for the greeting; who can't wait "
            "is no mail server. Nobody else waits. 0: nobody.",
        ),
    ] = 2
    early_talk: Annotated[
        Literal["refuse", "note"],
        Meta(
            description='What becomes of a client that speaks before the greeting: "refuse" ends '
            'the connection with 554, "note" adds 3 to its score.'
        ),
    ] = "refuse"
    helo: Annotated[
        Literal["ignore", "score", "refuse"],
        Meta(
            description="What a wrong name in HELO does: nothing, it adds to the score, or who "
            "gives our name, somebody else's address, a bare address or one word is also refused."
        ),
    ] = "score"
    junk_score: Annotated[
        int,
        Meta(ge=0, le=1_000, description="Messages are junk from this score on. 0: never."),
    ] = 5
    greylist: Annotated[
        bool,
        Meta(
            description="Put off the first message of suspicious clients with 450, and take it "
            "when it comes again in time. Never done to who is only unknown."
        ),
    ] = False
    greylist_score: Annotated[
        int, Meta(ge=1, le=1_000, description="The score from which on a client is put off.")
    ] = 3
    greylist_minutes: Annotated[
        int, Meta(ge=1, le=1_440, description="Before this it is too early to come again.")
    ] = 5
    tarpit_seconds: Annotated[
        int,
        Meta(
            ge=0,
            le=60,
            description="How long an error waits for its answer once there were soft_errors of "
            "them; up to eight times as long for suspicious clients.",
        ),
    ] = 1
    tarpit_connections: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            description="So many wait at one time; a further connection is ended instead.",
        ),
    ] = 200
    ban_minutes: Annotated[
        int,
        Meta(
            ge=0,
            le=1_440,
            description="The first ban of a network that harvests addresses, floods us or errs beyond "
            "its rates; each further one is twice as long, a day at most. 0: none.",
        ),
    ] = 60


class Dnsbl(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A list in the DNS of those who send spam, or of those who don't. None by default.

    Public lists have terms of use, and most do not answer through public resolvers.
    """

    zone: Annotated[str, Meta(description='The name of the list: "zen.spamhaus.org".')]
    lists: Annotated[
        Literal["addresses", "names"],
        Meta(
            description="What it holds: addresses of clients, or names (of HELO, of the sender's "
            "domain, of the client's address)."
        ),
    ] = "addresses"
    answers: Annotated[
        tuple[str, ...],
        Meta(
            description='Which of its answers count: ["127.0.0.2", "127.0.0.4-11", "127.0.*.3"]. '
            "Default: all but 127.0.0.1 and 127.255.255.*, which never do."
        ),
    ] = ()
    score: Annotated[
        Score,
        Meta(description="What a listing adds to the score; below 0 for a list of good ones."),
    ] = 3
    refuse: Annotated[
        bool, Meta(description="Refuse who is listed, unless a list of good ones has it too.")
    ] = False
    link: Annotated[
        str,
        Meta(
            description="Where one can look a listing up, told when somebody is refused; {} is "
            "replaced by what is listed."
        ),
    ] = ""

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """``answers``, read. Raises ValueError."""
        return tuple(map(pattern, self.answers))


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much strangers may bring from one IPv4 address or IPv6 /64. 0: no limit.

    The /24 or /48 around it may have eight times as much. What is over is put off with 4yz.
    """

    connections_per_minute: Annotated[Rate, Meta(description="Connections.")] = 3_000
    messages_per_hour: Annotated[Rate, Meta(description="Messages.")] = 200_000
    recipients_per_hour: Annotated[Rate, Meta(description="Recipients.")] = 500_000
    unknown_recipients_per_hour: Annotated[
        Rate,
        Meta(
            description="Recipients that were refused; one who gets a message makes up for one. "
            "Beyond it the network is banned for a while."
        ),
    ] = 300
    errors_per_hour: Annotated[
        Rate,
        Meta(
            description="Sessions that ended for too many errors or for speaking out of turn. "
            "Beyond it the network is banned for a while."
        ),
    ] = 300
    messages_per_sender_per_hour: Annotated[
        Rate, Meta(description="Messages of one sender's address, from wherever.")
    ] = 0
    messages_per_recipient_per_hour: Annotated[
        Rate, Meta(description="Messages to one address here, from wherever.")
    ] = 20_000


def pattern(text: str) -> Pattern:
    """``127.0.0.2``, ``127.0.0.4-11``, ``127.0.*.2-3``; raises ValueError with the reason."""
    octets = text.strip().split(".")
    if len(octets) != 4 or octets[0] != "127":
        raise ValueError(f'{text!r} is no answer like "127.0.0.2", "127.0.0.4-11", "127.0.*.3"')
    return tuple([_octet(octet, text) for octet in octets])


def _octet(octet: str, text: str) -> tuple[int, int]:
    if octet == "*":
        return 0, 255
    least, _, most = octet.partition("-")
    ends = [int(end) if end.isascii() and end.isdigit() else 256 for end in (least, most or least)]
    if not 0 <= ends[0] <= ends[1] <= 255:
        raise ValueError(f"{text!r}: {octet!r} is no number, no range and no *")
    return ends[0], ends[1]
