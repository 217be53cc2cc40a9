"""HELP: what this session may use, and for each command its syntax and an example.

RFC 5321 §4.1.1.8. Nothing here tells a version.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from postroom.protocol.smtp.replies import Reply, reply

_TOPICS: Final[Mapping[str, tuple[str, ...]]] = {
    "EHLO": (
        "EHLO your-host-name",
        "Begins a session and lists the extensions.",
        "Example: EHLO client.example.org",
    ),
    "HELO": (
        "HELO your-host-name",
        "Begins a session without extensions.",
        "Example: HELO client.example.org",
    ),
    "LHLO": (
        "LHLO your-host-name",
        "Begins an LMTP session and lists the extensions.",
        "Example: LHLO client.example.org",
    ),
    "MAIL": (
        "MAIL FROM:<sender> [SIZE=octets] [BODY=7BIT|8BITMIME] [SMTPUTF8]",
        "     [RET=FULL|HDRS] [ENVID=id] [AUTH=mailbox] [REQUIRETLS]",
        "     [HOLDFOR=seconds|HOLDUNTIL=2030-12-24T18:00:00Z]",
        "Begins a message. MAIL FROM:<> is for notices about messages.",
        "Example: MAIL FROM:<alice@example.org> SIZE=4096",
    ),
    "RCPT": (
        "RCPT TO:<recipient> [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] [ORCPT=type;address]",
        "Names one recipient; repeat it for more.",
        "Example: RCPT TO:<bob@example.net>",
    ),
    "DATA": (
        "DATA",
        "Sends the message. Wait for 354; end it with a line that holds one dot.",
        "A line of yours that begins with a dot gets a second one. Example:",
        "  DATA",
        "  To: Bob <bob@example.net>",
        "  From: Alice <alice@example.org>",
        "  Subject: Lunch",
        "  ",
        "  At noon?",
        "  .",
    ),
    "BDAT": (
        "BDAT octets [LAST]",
        "Sends a chunk of the message; its octets follow the line at once.",
        "Example: BDAT 4096 LAST",
    ),
    "BURL": (
        "BURL url [LAST]",
        "Sends what the URL names as a chunk of the message; GENURLAUTH of IMAP makes such URLs.",
        "Its whole URL is longer than this one.",
        "Example: BURL imap://ann@example.org/Drafts/;UID=2;URLAUTH=submit+ann LAST",
    ),
    "RSET": ("RSET", "Forgets the message in progress.", "Example: RSET"),
    "NOOP": ("NOOP", "Does nothing.", "Example: NOOP"),
    "QUIT": ("QUIT", "Ends the session.", "Example: QUIT"),
    "HELP": ("HELP [command]", "Tells what there is.", "Example: HELP MAIL"),
    "VRFY": (
        "VRFY name-or-address",
        "Asks whether a mailbox is known. Strangers are not told.",
        "Example: VRFY alice@example.org",
    ),
    "EXPN": (
        "EXPN alias",
        "Asks who gets what is sent to an alias. Strangers are not told.",
        "Example: EXPN team@example.org",
    ),
    "VERB": (
        "VERB [ON|OFF]",
        "From then on replies give their reasons in additional lines.",
        "Example: VERB",
    ),
    "STARTTLS": (
        "STARTTLS",
        "Encrypts the connection. Say EHLO again after it.",
        "Example: STARTTLS",
    ),
    "AUTH": (
        "AUTH mechanism [initial-response]",
        "Logs in. EHLO lists the mechanisms.",
        "Example: AUTH PLAIN",
    ),
}

NOT_NOW: Final = "You may not use it at this moment; HELP alone lists what you may."
_HELLO: Final = frozenset({"EHLO", "HELO", "LHLO"})  # SMTP and LMTP do not know each other's

UNKNOWN_TOPIC: Final = reply(504, "5.5.4", "There is no help on that; say HELP alone")


def help_reply(topic: str, usable: Sequence[str]) -> Reply:
    """The reply to HELP; ``usable`` are the verbs that this session may use now.

    What follows the verb in ``topic`` does not matter.
    """
    if not topic:
        return reply(
            214,
            "2.0.0",
            "You may use:",
            *(" ".join(usable[at : at + 8]) for at in range(0, len(usable), 8)),
            "HELP with a command tells its syntax and an example.",
        )
    verb = topic.partition(" ")[0]
    is_usable = verb in usable
    if verb not in _TOPICS or (verb in _HELLO and not is_usable):
        return UNKNOWN_TOPIC
    return reply(214, "2.0.0", *_TOPICS[verb], *(() if is_usable else (NOT_NOW,)))
