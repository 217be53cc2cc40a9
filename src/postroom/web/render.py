"""Pages from templates: escaped, with the headers that keep a browser on our side.

No script and no style but our own files, no frames, no foreign host (Content Security Policy
level 3); nothing of a page is kept by caches.
"""

import functools
import urllib.parse
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import jinja2
from starlette.responses import HTMLResponse

from postroom import VERSION
from postroom.admin.names import count, exact_size, size

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",  # to look a link's host up would tell that mail is read
    "X-Frame-Options": "DENY",
}
_FRAMING: Final = {
    **HEADERS,
    "Content-Security-Policy": HEADERS["Content-Security-Policy"] + "; frame-src 'self'",
}


class Renderer:
    """Fills templates. One a server."""

    def __init__(self, hostname: str) -> None:
        self._environment = _environment(hostname)

    def page(
        self, template: str, *, status: int = 200, frames: bool = False, **context: object
    ) -> HTMLResponse:
        """A whole response; with ``frames`` other pages of ours may be shown in it."""
        text = self._environment.get_template(template).render(context)
        return HTMLResponse(text, status_code=status, headers=_FRAMING if frames else HEADERS)


@functools.lru_cache(maxsize=4)
def _environment(hostname: str) -> jinja2.Environment:
    """Compiles each template once, for all servers of that name in this process."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("postroom.web", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Callable[..., str]] = {
        "moment": moment,
        "size": size,
        "exact_size": exact_size,
        "counted": count,
        "in_path": in_path,
    }
    environment.filters.update(filters)
    environment.globals.update(version=VERSION, hostname=hostname)
    return environment


def in_path(text: str) -> str:
    """A name, an address say, as it stands in the path of a page; a slash stays one."""
    return urllib.parse.quote(text, safe="/@!$&'()*+,;=:~")


def moment(value: datetime | None) -> str:
    """A time as people read it, in UTC."""
    return "" if value is None else value.strftime("%Y-%m-%d %H:%M")
