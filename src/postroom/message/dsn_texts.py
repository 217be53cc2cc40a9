"""What enhanced status codes mean, for people: why, and what to do next.

A code is looked up whole first ("4.4.7"), then without its class (".1.1"), then by its
subject (".1"), then by its class; every text thus has a reason and an advice, also for
codes nobody has registered. Where a code says nothing, the words of the server may (``failures``).
What a remote server said stands beside them, it is not replaced by them.

RFC 3463, RFC 5248 (the registry), RFC 7505 §4 (null MX), RFC 7372 (authentication),
RFC 6531 §3.7.4.2 (internationalized mail), RFC 8689 §6 (REQUIRETLS).
"""

from typing import Final

import msgspec

from postroom.message.failures import Failure, of_reply


class Explanation(msgspec.Struct, frozen=True):
    """``reason``: what happened, a sentence. ``advice``: what the sender can do."""

    reason: str
    advice: str


_CHECK_ADDRESS: Final = (
    "Check the address for typing errors, or ask the recipient by other means for the right one."
)
_CHECK_DOMAIN: Final = "Check the part of the address after the @ for typing errors."
_OTHER_WAY: Final = "Tell the recipient by other means, or use another address of theirs."
_LATER: Final = "Send the message again later; if that fails too, use another way."
_SMALLER: Final = "Send less at once, or put large files where the recipient can fetch them."
_ASK_OURS: Final = "Pass this notice on to the postmaster of your own mail server."
_ASK_THEIRS: Final = (
    "Ask the recipient by other means to show this notice to those who run their mail server."
)
_NOTHING: Final = "You need to do nothing."

_TEXTS: Final[dict[str, tuple[str, str]]] = {
    # whole codes
    "4.2.1": ("The mailbox takes no mail at the moment.", _LATER),
    "4.3.2": ("The recipient's mail server takes no mail at the moment.", _LATER),
    "4.4.7": (
        "The message could not be delivered in the time allowed for it.",
        "Send it again if it still matters, or use another way.",
    ),
    "5.4.7": (
        "The message could not be delivered in the time allowed for it.",
        "Send it again if it still matters, or use another way.",
    ),
    "4.7.1": (
        "The recipient's mail server wants to see the message again later.",
        "If it is still not delivered in some hours, use another way.",
    ),
    # addresses
    ".1.1": ("There is no such mailbox.", _CHECK_ADDRESS),
    ".1.2": ("There is no such mail domain.", _CHECK_DOMAIN),
    ".1.3": ("The address is not written as an address must be.", _CHECK_ADDRESS),
    ".1.4": ("The address fits more than one mailbox.", _CHECK_ADDRESS),
    ".1.6": ("The mailbox has moved, and its new address is not known.", _CHECK_ADDRESS),
    ".1.7": ("Your own address is not written as an address must be.", _ASK_OURS),
    ".1.8": ("The recipient's mail server does not accept your own address.", _ASK_OURS),
    ".1.9": ("The recipient's mail server lacks what was asked for.", _NOTHING),
    ".1.10": ("The domain says that it accepts no mail at all.", _CHECK_DOMAIN),
    ".1": ("Something is wrong with the address.", _CHECK_ADDRESS),
    # mailboxes
    ".2.1": ("The mailbox is switched off and takes no mail.", _OTHER_WAY),
    ".2.2": ("The mailbox is full.", "Try again later, or tell the recipient by other means."),
    ".2.3": ("The message is larger than the mailbox allows.", _SMALLER),
    ".2.4": ("The mailing list could not pass the message on.", _ASK_THEIRS),
    ".2": ("The mailbox can't take the message.", _OTHER_WAY),
    # mail systems
    ".3.1": ("The recipient's mail server has no room left.", _LATER),
    ".3.2": ("The recipient's mail server takes no mail.", _LATER),
    ".3.3": ("The recipient's mail server lacks what this message needs.", _OTHER_WAY),
    ".3.4": ("The message is too large for the recipient's mail server.", _SMALLER),
    ".3.5": ("A mail server on the way is set up wrongly.", _ASK_THEIRS),
    ".3": ("The recipient's mail server has a fault.", _LATER),
    # networks and routes
    ".4.1": ("No connection to the recipient's mail server could be made.", _LATER),
    ".4.2": ("The connection to the recipient's mail server broke.", _LATER),
    ".4.3": ("A directory that tells the way of the mail could not be asked.", _LATER),
    ".4.4": ("No mail server could be found for the domain.", _CHECK_DOMAIN),
    ".4.5": ("A mail server on the way is overloaded.", _LATER),
    ".4.6": ("The message went round in a circle.", _ASK_THEIRS),
    ".4": ("The recipient's mail server could not be reached.", _LATER),
    # the dialogue between servers
    ".5.3": ("The message has too many recipients.", "Send it to fewer people at once."),
    ".5": ("The mail servers did not understand each other.", _ASK_OURS),
    # content
    ".6.1": ("The recipient's mail server does not take this kind of content.", _OTHER_WAY),
    ".6.3": (
        "The message would have to be converted for the recipient's mail server, and can't be.",
        "Send it as plain text, or use another way.",
    ),
    ".6.7": (
        "An address needs international mail, which the recipient's mail server can't do.",
        "Use an address of plain letters (a-z), for yourself and for the recipient.",
    ),
    ".6.8": (
        "The message needs international mail, which the recipient's mail server can't do.",
        "Use an address of plain letters (a-z), for yourself and for the recipient.",
    ),
    ".6.9": (
        "The header needs international mail, which the recipient's mail server can't do.",
        "Use plain letters (a-z) in addresses and in the names of attached files.",
    ),
    ".6": ("The content of the message can't be delivered as it is.", _OTHER_WAY),
    # security and policy
    ".7.1": ("The recipient's mail server refused the message by its rules.", _ASK_THEIRS),
    ".7.2": ("You are not allowed to write to this mailing list.", "Ask the list's owner."),
    ".7.8": ("Our mail server could not log in to the next one.", _ASK_OURS),
    ".7.10": ("The connection was not encrypted as it must be.", _ASK_OURS),
    ".7.13": ("The account is switched off.", _OTHER_WAY),
    ".7.17": ("The mailbox belongs to somebody else now.", _CHECK_ADDRESS),
    ".7.18": ("The domain belongs to somebody else now.", _CHECK_ADDRESS),
    ".7.20": ("The message carries no valid signature (DKIM) of your domain.", _ASK_OURS),
    ".7.21": ("The message carries no accepted signature (DKIM) of your domain.", _ASK_OURS),
    ".7.22": ("The message carries no signature (DKIM) of the author's domain.", _ASK_OURS),
    ".7.23": ("Your domain does not allow our mail server to send for it (SPF).", _ASK_OURS),
    ".7.24": ("Your domain's list of mail servers (SPF) has an error.", _ASK_OURS),
    ".7.25": ("The address of our mail server has no name of its own.", _ASK_OURS),
    ".7.26": ("The message could not be shown to be yours (SPF, DKIM, DMARC).", _ASK_OURS),
    ".7.27": ("Your own domain says that it accepts no mail, so answers are impossible.", _ASK_OURS),
    ".7.28": ("Too much mail came from our mail server in a short time.", _LATER),
    ".7.30": (
        "The recipient's mail server can't promise to keep the message encrypted all the way.",
        "Send it without that demand if it may be read on the way, or use another way.",
    ),
    ".7": ("The message was refused for reasons of security or policy.", _ASK_THEIRS),
    # classes
    "2": ("The message has arrived.", _NOTHING),
    "4": ("The message could not be delivered for now.", _LATER),
    "5": ("The message can't be delivered.", _OTHER_WAY),
}  # fmt: skip
_EXPLANATIONS: Final = {key: Explanation(*texts) for key, texts in _TEXTS.items()}


_BLOCKED: Final = Explanation(
    "The recipient's mail server takes no mail from the address of our mail server.", _ASK_OURS
)
_OF_CLASSES: Final[dict[Failure, Explanation]] = {
    "no-mailbox": _EXPLANATIONS[".1.1"],
    "full": _EXPLANATIONS[".2.2"],
    "policy": _EXPLANATIONS[".7"],
    "domain": _EXPLANATIONS[".1.2"],
    "tls": _EXPLANATIONS[".7.10"],
    "size": _EXPLANATIONS[".3.4"],
}


def explain(status: str, reply: str = "") -> Explanation:
    """The meaning of a status such as "5.1.1"; success has one meaning only.

    ``reply``: what a server said, "550 5.0.0 No such user".
    """
    kind, _, rest = status.partition(".")
    subject = rest.partition(".")[0]
    if kind == "2":
        return _EXPLANATIONS["2"]
    failure = of_reply(reply) if reply else None
    if failure == "blocked":
        return _BLOCKED
    for key in (status, f".{rest}", f".{subject}"):
        if key in _EXPLANATIONS and key != ".5":
            return _EXPLANATIONS[key]
    if failure in _OF_CLASSES:
        return _OF_CLASSES[failure]
    return _EXPLANATIONS.get(f".{subject}") or _EXPLANATIONS.get(kind, _EXPLANATIONS["5"])
