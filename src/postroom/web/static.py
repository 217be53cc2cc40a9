"""Our own files for browsers: one style sheet."""

import importlib.resources
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_DAY: Final = 86_400


def routes() -> list[Route]:
    """Each file, read once."""
    sheet = importlib.resources.files("postroom.web").joinpath("style.css").read_bytes()

    async def style(_request: Request) -> Response:
        return Response(
            sheet, media_type="text/css", headers={"Cache-Control": f"public, max-age={_DAY}"}
        )

    return [Route("/style.css", style)]
