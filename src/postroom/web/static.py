"""Our own files for browsers: a style sheet, an icon and scripts, which no page needs to work."""

import importlib.resources
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_DAY: Final = 86_400
_FILES: Final = {
    "style.css": "text/css",
    "passkeys.js": "text/javascript",
    "progress.js": "text/javascript",
    "mail.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


def routes() -> list[Route]:
    """Each file, read once."""
    return [_file(name, kind) for name, kind in _FILES.items()]


def _file(name: str, kind: str) -> Route:
    octets = importlib.resources.files("postroom.web").joinpath(name).read_bytes()

    async def give(_request: Request) -> Response:
        return Response(
            octets, media_type=kind, headers={"Cache-Control": f"public, max-age={_DAY}"}
        )

    return Route(f"/{name}", give)
