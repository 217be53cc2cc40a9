"""Why mail was not taken, in one of a few words: the class of a failure.

The enhanced status code says most of it (RFC 3463, RFC 5248). Where it says little, or is used
for nearly everything (X.0.0, X.1.1, 5.4.1, X.7.1 ..), the words of the reply decide, as large
providers and common servers write them, and then the code of RFC 5321 §4.2.3.

``no-mailbox`` is what others conclude from (nobody writes there again), so it is said with care:
a reply that also speaks of spam, of policy or of a list of addresses is none.
"""

import re
from typing import Final, Literal, get_args

Failure = Literal[
    "no-mailbox", "full", "policy", "blocked", "domain", "tls", "size", "connection", "other"
]
FAILURES: Final[tuple[Failure, ...]] = get_args(Failure)

MEANINGS: Final[dict[Failure, str]] = {
    "no-mailbox": "there is no such mailbox, or it takes mail no more",
    "full": "the mailbox is full",
    "policy": "refused by rules: spam, policy, authentication, greylisting, too much at once",
    "blocked": "the address that the mail comes from is on a list, or banned",
    "domain": "the domain does not exist, takes no mail, or DNS does not answer",
    "tls": "no encryption as it has to be",
    "size": "the message is too large",
    "connection": "no connection, or it broke",
    "other": "anything else",
}

MAX_TEXT: Final = 1_000  # characters of a reply that are looked at

_ADDRESS: Final = re.compile(r"\S{1,200}@\S{1,255}")
_LATE_STATUS: Final = re.compile(
    r"#([245]\.[0-9]{1,3}\.[0-9]{1,3})"
)  # in the text, as qmail has it
_LINK: Final = re.compile(r"https?://\S{1,500}")
_REPLY: Final = re.compile(
    r"(?:([245][0-9]{2})(?:[ -]+|\Z))?(?:([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:[ -]+|\Z))?"
)

# By subject and detail of the status; what no words overrule.
_PLAIN: Final[dict[str, Failure]] = {
    "1.2": "domain",
    "1.7": "policy",
    "1.8": "policy",
    "2.2": "full",
    "2.3": "size",
    "3.4": "size",
    "4.2": "connection",
    "4.3": "domain",
    "4.4": "domain",
    "4.6": "other",
    "7.4": "tls",
    "7.5": "tls",
    "7.8": "other",
    "7.10": "tls",
    "7.17": "no-mailbox",
    "7.18": "domain",
    "7.30": "tls",
}

# The same, for what words may overrule; then by subject alone.
_LIKELY: Final[dict[str, Failure]] = {
    "1.0": "no-mailbox",
    "1.1": "no-mailbox",
    "1.6": "no-mailbox",
    "1.10": "domain",
    "2.1": "no-mailbox",
    "4.1": "connection",
    "4.310": "domain",
    "4.312": "domain",
    "4.316": "connection",
    "4.317": "tls",
    "7.511": "blocked",
    "7": "policy",
}

# In this order: who lists our address, then rules of theirs, and only then what is wrong there.
_PATTERNS: Final[tuple[tuple[Failure, str], ...]] = (
    (
        "blocked",
        r"""block[\ -]?list | black[\ -]?list | deny[\ -]?list | blocked\ using | dnsbl | \brbls?\b
        | spamhaus | spamcop | barracudacentral | \bsorbs\b | ipcheck\.proofpoint
        | (?:client\ host|\bips?\b|ip\ address|network|server).{0,60}?
          \b(?:blocked|banned|listed|not\ allowed\ to\ send|(?:bad|poor|low)\ reputation)
        | (?:blocked|banned|listed)\ (?:\w+\ ){0,3}(?:ips?\b|address|network)
        | banned\ sending | mail\ from\ \S+\ (?:was\ )?(?:blocked|refused)
        | \bip=\S+\ -\ a\ problem\ occurred""",
    ),
    ("domain", r"relay(?:ing)?\ (?:access\ )?(?:is\ )?(?:denied|not\ permitted)"),
    (
        "policy",
        r"""\bspam | unsolicited | \bvirus | malware | phish | gr[ae]y[\ -]?list | reputation
        | policy | policies | \bspf\b | \bdkim\b | \bdmarc\b | authenticat
        | reverse\ dns | \brdns\b | \bptr\b | complaint | too\ many | too\ much | too\ quickly
        | rate\ (?:that|limit) | limit\ exceeded | throttl | temporarily\ deferred
        | try\ again\ later | administrative(?:ly)?\ prohibit | prohibited | content | suspicious
        | sender\ (?:address\ )?(?:rejected|denied|verif|is\ not|not\ ) | invalid\ sender
        | not\ (?:authori[sz]ed|permitted|allowed|accepted\ from)
        | (?<!recipient\ address\ rejected:\ )access\ (?:is\ )?denied
        | blocked | bulk""",
    ),
    (
        "full",
        r"""over\ (?:its\ |their\ |the\ )?(?:disk\ )?quota | quota\ (?:is\ )?exceeded
        | exceed\w*\ (?:\w+\ ){0,4}(?:quota|storage)
        | (?:mailbox|inbox|maildir|account|user)\S*\ (?:\w+\ ){0,2}(?:is\ )?full
        | out\ of\ (?:storage|space) | storage\ (?:space|limit) | insufficient\ (?:\w+\ )?storage""",
    ),
    (
        "size",
        r"""(?:message|mail|e-?mail)\ (?:\w+\ ){0,3}too\ (?:large|big|long)
        | (?:message|mail)\ size | size\ limit | maximum\ (?:\w+\ )?size | larger\ than""",
    ),
    (
        "domain",
        r"""unable\ to\ relay | nxdomain | null\ mx | (?:domain|host)\S*\ (?:\w+\ ){0,4}not\ found
        | domain\ (?:\w+\ )?(?:does\ not|doesn't)\ (?:exist|accept)
        | (?:unknown|no\ such)\ (?:domain|host)\b | no\ mx\ """,
    ),
    ("tls", r"""starttls | \btls\b | certificate | encrypt"""),
    (
        "no-mailbox",
        r"""(?:no\ such|unknown|invalid|unrouteable|non-?existent|bad)\ (?:\w+\ )?
          (?:user|recipient|mailbox|account|address|addressee|person|local)
        | (?:user|recipient|mailbox|account|addressee|address|customer|alias)
          [^.;]{0,60}?\b(?:unknown|not\ found|invalid|unavailable|inactive|disabled|suspended
          |does\ not\ exist|doesn't\ exist|not\ exist|non-?existent|not\ known|no\ longer
          |not\ available|not\ listed|discontinued|deactivated|closed)
        | doesn't\ have\ (?:a|an)\ \S+\ account | recipientnotfound | does\ not\ exist
        | nosuchuser | no\ mailbox\ (?:here|by) | not\ (?:a\ )?(?:our|valid)\ (?:\w+\ )?
          (?:customer|user|mailbox|recipient|address) | no\ one\ (?:here|by)
        | recipient\ address\ rejected:\ access\ denied | not\ a\ known\ user""",
    ),
    (
        "connection",
        r"""connection\ (?:\w+\ )?(?:timed\ out|refused|reset|lost|closed|broke)
        | lost\ connection | timed?\ ?out | unreachable | no\ route\ to""",
    ),
)
_WORDS: Final = tuple([(name, re.compile(text, re.VERBOSE)) for name, text in _PATTERNS])

# What says more than a status that speaks of something else, such as 5.7.1 or 5.4.1.
_PLAINEST: Final = re.compile(
    r"(?:no such|unknown) (?:user|mailbox|recipient)|(?:user|mailbox|recipient) (?:is )?unknown"
    r"|(?:user|mailbox|account) does(?: not|n't) exist|doesn't have an? \S+ account"
    r"|recipientnotfound|recipient address rejected: access denied"
)

_CODES: Final[dict[int, Failure]] = {521: "domain", 552: "full", 556: "domain"}


def classify(code: int, status: str, text: str) -> Failure:
    """The class of a reply that is not positive; ``status`` is "" where none was sent."""
    if not status and (late := _LATE_STATUS.search(text[:MAX_TEXT])):
        status = late[1]
    key = status.partition(".")[2]
    if key in _PLAIN:
        return _PLAIN[key]
    if _is_banned_sender(key):
        return "blocked"
    likely = _LIKELY.get(key) or _LIKELY.get(key.partition(".")[0])
    said = _ADDRESS.sub("<>", text[:MAX_TEXT].lower())
    plain = _LINK.sub("", said)
    worded = next(
        (name for name, words in _WORDS if words.search(said if name == "blocked" else plain)), None
    )
    if worded == "no-mailbox" and likely and not _PLAINEST.search(plain):
        return likely
    return worded or likely or _CODES.get(code, "other")


def of_reply(reply: str) -> Failure | None:
    """The class of a reply in one line, ``550 5.1.1 No such user``; None when it is positive.

    Without its code, and without its status, it is known by the rest.
    """
    found = _REPLY.match(reply)
    code, status, end = (found[1] or "", found[2] or "", found.end()) if found else ("", "", 0)
    if (code or status).startswith("2"):
        return None
    return classify(int(code or 0), status, reply[end:])


def _is_banned_sender(key: str) -> bool:
    """5.7.606 .. 5.7.649: Exchange Online, for addresses that it has banned."""
    subject, _, detail = key.partition(".")
    return subject == "7" and len(detail) == 3 and "606" <= detail <= "649"
