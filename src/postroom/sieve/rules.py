"""What each command and test takes: one table, asked by the check.

A rule or a tag that belongs to an extension names it; a script must require it. Tags of
one group exclude each other.
"""

from enum import Enum
from typing import Final, Literal

import msgspec


class Kind(Enum):
    """What stands where: one string, a string or a list of them, or a number."""

    STRING = "a string"
    STRINGS = "a string or a list of strings"
    NUMBER = "a number"


S, L, N = Kind.STRING, Kind.STRINGS, Kind.NUMBER


class TagRule(msgspec.Struct, frozen=True):
    """A tagged argument, with what follows it."""

    name: str
    extension: str = ""
    value: Kind | None = None
    group: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """``spare`` of the ``arguments`` may be left out, the first ones or (``spare_last``) the last.

    ``tests`` says how many tests follow.
    """

    extension: str = ""
    tags: tuple[TagRule, ...] = ()
    arguments: tuple[Kind, ...] = ()
    spare: int = 0
    spare_last: bool = False
    tests: Literal["none", "one", "many"] = "none"
    has_block: bool = False


_MATCH: Final = (
    TagRule("is", group="match"),
    TagRule("contains", group="match"),
    TagRule("matches", group="match"),
    TagRule("regex", "regex", group="match"),
    TagRule("count", "relational", S, group="match"),
    TagRule("value", "relational", S, group="match"),
    TagRule("comparator", value=S),
)
_ADDRESS_PART: Final = (
    TagRule("all", group="part"),
    TagRule("localpart", group="part"),
    TagRule("domain", group="part"),
    TagRule("user", "subaddress", group="part"),
    TagRule("detail", "subaddress", group="part"),
)
_INDEX: Final = (TagRule("index", "index", N), TagRule("last", "index"))
_MIME: Final = (TagRule("mime", "mime"), TagRule("anychild", "mime"))
_MIME_PART: Final = (
    *_MIME,
    TagRule("type", "mime", group="mimepart"),
    TagRule("subtype", "mime", group="mimepart"),
    TagRule("contenttype", "mime", group="mimepart"),
    TagRule("param", "mime", L, group="mimepart"),
)
_MODIFIERS: Final = (
    TagRule("lower", group="40"),
    TagRule("upper", group="40"),
    TagRule("lowerfirst", group="30"),
    TagRule("upperfirst", group="30"),
    TagRule("quotewildcard", group="20"),
    TagRule("quoteregex", "regex", group="20"),
    TagRule("encodeurl", "enotify", group="15"),
    TagRule("length", group="10"),
)
_FLAGS: Final = TagRule("flags", "imap4flags", L)
_COPY: Final = TagRule("copy", "copy")
_FILING: Final = (
    TagRule("create", "mailbox"),
    TagRule("specialuse", "special-use", S),
    TagRule("mailboxid", "mailboxid", S),
    _FLAGS,
)
_FCC: Final = TagRule("fcc", "fcc", S)
_ZONE: Final = (
    TagRule("zone", value=S, group="zone"),
    TagRule("originalzone", group="zone"),
)

COMMANDS: Final[dict[str, Rule]] = {
    "require": Rule(arguments=(L,)),
    "if": Rule(tests="one", has_block=True),
    "elsif": Rule(tests="one", has_block=True),
    "else": Rule(has_block=True),
    "stop": Rule(),
    "keep": Rule(tags=(_FLAGS,)),
    "discard": Rule(),
    "redirect": Rule(tags=(_COPY,), arguments=(S,)),
    "fileinto": Rule(extension="fileinto", tags=(_COPY, *_FILING), arguments=(S,)),
    "reject": Rule(extension="reject", arguments=(S,)),
    "ereject": Rule(extension="ereject", arguments=(S,)),
    "set": Rule(extension="variables", tags=_MODIFIERS, arguments=(S, S)),
    "setflag": Rule(extension="imap4flags", arguments=(S, L), spare=1),
    "addflag": Rule(extension="imap4flags", arguments=(S, L), spare=1),
    "removeflag": Rule(extension="imap4flags", arguments=(S, L), spare=1),
    "vacation": Rule(
        extension="vacation",
        tags=(
            TagRule("days", value=N, group="period"),
            TagRule("seconds", "vacation-seconds", N, group="period"),
            TagRule("subject", value=S),
            TagRule("from", value=S),
            TagRule("addresses", value=L),
            TagRule("mime"),
            TagRule("handle", value=S),
            _FCC,
            *_FILING,
        ),
        arguments=(S,),
    ),
    "notify": Rule(
        extension="enotify",
        tags=(
            TagRule("from", value=S),
            TagRule("importance", value=S),
            TagRule("options", value=L),
            TagRule("message", value=S),
            _FCC,
            *_FILING,
        ),
        arguments=(S,),
    ),
    "addheader": Rule(extension="editheader", tags=(TagRule("last"),), arguments=(S, S)),
    "deleteheader": Rule(
        extension="editheader",
        tags=(TagRule("index", value=N), TagRule("last"), *_MATCH),
        arguments=(S, L),
        spare=1,
        spare_last=True,
    ),
    "include": Rule(
        extension="include",
        tags=(
            TagRule("personal", group="location"),
            TagRule("global", group="location"),
            TagRule("once"),
            TagRule("optional"),
        ),
        arguments=(S,),
    ),
    "return": Rule(extension="include"),
    "global": Rule(extension="include", arguments=(L,)),
    "error": Rule(extension="ihave", arguments=(S,)),
    "foreverypart": Rule(
        extension="foreverypart", tags=(TagRule("name", value=S),), has_block=True
    ),
    "break": Rule(extension="foreverypart", tags=(TagRule("name", value=S),)),
    "extracttext": Rule(
        extension="extracttext",
        tags=(*_MODIFIERS, TagRule("first", value=N)),
        arguments=(S,),
    ),
}

TESTS: Final[dict[str, Rule]] = {
    "true": Rule(),
    "false": Rule(),
    "not": Rule(tests="one"),
    "allof": Rule(tests="many"),
    "anyof": Rule(tests="many"),
    "exists": Rule(tags=_MIME, arguments=(L,)),
    "size": Rule(
        tags=(TagRule("over", value=N, group="size"), TagRule("under", value=N, group="size"))
    ),
    "header": Rule(tags=(*_MATCH, *_INDEX, *_MIME_PART), arguments=(L, L)),
    "address": Rule(tags=(*_MATCH, *_ADDRESS_PART, *_INDEX, *_MIME), arguments=(L, L)),
    "envelope": Rule(extension="envelope", tags=(*_MATCH, *_ADDRESS_PART), arguments=(L, L)),
    "body": Rule(
        extension="body",
        tags=(
            *_MATCH,
            TagRule("raw", group="transform"),
            TagRule("content", value=L, group="transform"),
            TagRule("text", group="transform"),
        ),
        arguments=(L,),
    ),
    "string": Rule(extension="variables", tags=_MATCH, arguments=(L, L)),
    "hasflag": Rule(extension="imap4flags", tags=_MATCH, arguments=(L, L), spare=1),
    "date": Rule(extension="date", tags=(*_MATCH, *_ZONE, *_INDEX), arguments=(S, S, L)),
    "currentdate": Rule(extension="date", tags=(*_MATCH, _ZONE[0]), arguments=(S, L)),
    "mailboxexists": Rule(extension="mailbox", arguments=(L,)),
    "mailboxidexists": Rule(extension="mailboxid", arguments=(L,)),
    "specialuse_exists": Rule(extension="special-use", arguments=(S, L), spare=1),
    "metadata": Rule(extension="mboxmetadata", tags=_MATCH, arguments=(S, S, L)),
    "metadataexists": Rule(extension="mboxmetadata", arguments=(S, L)),
    "servermetadata": Rule(extension="servermetadata", tags=_MATCH, arguments=(S, L)),
    "servermetadataexists": Rule(extension="servermetadata", arguments=(L,)),
    "duplicate": Rule(
        extension="duplicate",
        tags=(
            TagRule("header", value=S, group="id"),
            TagRule("uniqueid", value=S, group="id"),
            TagRule("handle", value=S),
            TagRule("seconds", value=N),
            TagRule("last"),
        ),
    ),
    "valid_notify_method": Rule(extension="enotify", arguments=(L,)),
    "notify_method_capability": Rule(extension="enotify", tags=_MATCH, arguments=(S, S, L)),
    "environment": Rule(extension="environment", tags=_MATCH, arguments=(S, L)),
    "ihave": Rule(extension="ihave", arguments=(L,)),
    "spamtest": Rule(
        extension="spamtest", tags=(*_MATCH, TagRule("percent", "spamtestplus")), arguments=(S,)
    ),
    "virustest": Rule(extension="virustest", tags=_MATCH, arguments=(S,)),
}

COMPARATORS: Final = ("i;octet", "i;ascii-casemap", "i;unicode-casemap", "i;ascii-numeric")
ALWAYS_THERE: Final = frozenset({"i;octet", "i;ascii-casemap"})  # RFC 5228 §2.7.3

IMPLIED: Final = {"vacation-seconds": "vacation", "spamtestplus": "spamtest"}

EXTENSIONS: Final = (
    "body",
    "comparator-i;ascii-numeric",
    "comparator-i;unicode-casemap",
    "copy",
    "date",
    "duplicate",
    "editheader",
    "encoded-character",
    "enotify",
    "envelope",
    "environment",
    "ereject",
    "extracttext",
    "fcc",
    "fileinto",
    "foreverypart",
    "ihave",
    "imap4flags",
    "include",
    "index",
    "mailbox",
    "mailboxid",
    "mboxmetadata",
    "mime",
    "regex",
    "reject",
    "relational",
    "servermetadata",
    "spamtest",
    "spamtestplus",
    "special-use",
    "subaddress",
    "vacation",
    "vacation-seconds",
    "variables",
    "virustest",
)
"""What a script may require: the capability SIEVE of RFC 5804 §1.7."""

NOTIFY_METHODS: Final = ("mailto",)
"""URI schemes that ``notify`` knows: the capability NOTIFY of RFC 5804 §1.7."""
