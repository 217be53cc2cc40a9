"""What the links of a message say: where they lead, and what is odd about them.

A link is read as people's programs read it, leniently: ``parse`` never raises. The marks are
words of ours, such as ``link:ip``.
RFC 3986 §3 (parts of a URI), RFC 3987.
"""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

import msgspec

from postroom.policy.forms import short

MAX_LINK: Final = 2_000  # characters that are read
MAX_LINKS: Final = 200  # of one message

_REST: Final = re.compile(r"[^\s<>\"'\\\]\[)(|]{3,2000}")
SHORTENERS: Final = frozenset(
    [
        "bit.ly",
        "buff.ly",
        "cutt.ly",
        "goo.gl",
        "is.gd",
        "lnkd.in",
        "ow.ly",
        "rb.gy",
        "rebrand.ly",
        "shorturl.at",
        "t.co",
        "t.ly",
        "tiny.cc",
        "tinyurl.com",
        "v.gd",
    ]
)
_NUMERIC: Final = re.compile(r"(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+)){0,3}")
_PATH_WORDS: Final = re.compile(r"[a-z]{2,20}")
_HOST_LIKE: Final = re.compile(
    r"(?:https?://)?([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8})(?:[/:?#]|$)"
)


class Link(msgspec.Struct, frozen=True):
    """``host`` in lower case, without a port; ``port`` is "" for the standard one."""

    host: str
    port: str
    path: str
    has_user: bool
    is_escaped: bool

    @property
    def is_numeric(self) -> bool:
        """Whether the host is an address, in whatever notation."""
        return self.host.startswith("[") or _NUMERIC.fullmatch(self.host) is not None

    @property
    def site(self) -> str:
        """The last labels of the host, about what its owner registered."""
        return site(self.host)


def find(text: str) -> Iterator[str]:
    """The links to the web that stand in plain text."""
    for begins in ("://", "www."):
        at = text.find(begins)
        while at >= 0:
            start = at + 3 if begins == "://" else at
            found = _REST.match(text, start)
            if found is not None and _is_link(text, at, begins):
                yield f"http://{found[0]}"
            at = text.find(begins, found.end() if found else start + 1)


def _is_link(text: str, at: int, begins: str) -> bool:
    if begins == "://":
        return text[max(0, at - 5) : at].lower().endswith(("http", "https"))
    return not text[max(0, at - 1) : at].endswith(("/", "@", "."))


def parse(url: str) -> Link | None:
    """A link to the web; None for what is none."""
    text = url[:MAX_LINK].strip()
    scheme, colon, rest = text.partition("://")
    if not colon and text[:4].lower() == "www.":
        scheme, rest = "http", text
    if scheme.lower() not in {"http", "https", "ftp"}:
        return None
    end = min((at for at in map(rest.find, "/?#\\") if at >= 0), default=len(rest))
    authority, path = rest[:end], rest[end:]
    user, at, host = authority.rpartition("@")
    written = host.lower()
    host = unquote(written)
    port = ""
    if not host.startswith("["):
        host, _, port = host.partition(":")
    host = host.rstrip(".,;:!")
    if not host or len(host) > 253:
        return None
    return Link(
        host=host,
        port="" if port in {"80", "443"} else port[:5],
        path=path,
        has_user=bool(at and user),
        is_escaped="%" in written,
    )


def site(host: str) -> str:
    """The last two labels; three where the second is short and the last a country: co.uk."""
    labels = host.rsplit(".", 3)
    if len(labels) < 3:
        return host
    is_country = len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if is_country else labels[-2:])


def marks(link: Link, text: str = "") -> list[str]:
    """What is odd about a link that people see as ``text``."""
    found = []
    if link.is_numeric:
        found.append("link:ip")
    elif "." not in link.host:
        found.append("link:nodot")
    if link.port:
        found.append("link:port")
    if link.has_user:
        found.append("link:user")
    if link.is_escaped:
        found.append("link:escaped")
    if link.host in SHORTENERS:
        found.append("link:shortener")
    if "xn--" in link.host:
        found.append("link:idn")
    shown = _HOST_LIKE.match(text[:300].strip().lower())
    if shown and site(shown[1]) != link.site:
        found.append("link:elsewhere")
    return found


def names(link: Link) -> list[str]:
    """Where a link leads: its site, its host and its last label, the words and form of its path."""
    found = [f"site:{link.site}"]
    if link.host != link.site:
        found.append(f"host:{link.host}")
    if not link.is_numeric:
        found.append(f"tld:{link.host.rpartition('.')[2][:24]}")
    found.append(f"host-form:{short(link.host)[:12]}")
    path = link.path.lower()
    if path:
        found += [f"path:{word}" for word in _PATH_WORDS.findall(path, 0, 200)[:8]]
        found.append(f"path-form:{short(path[:100])[:12]}")
        found.append(f"path-ends:{path.partition('?')[0].rpartition('.')[2][:6]}")
    return found
