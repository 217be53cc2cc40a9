"""Where a certificate authority looks for our answers (RFC 8555 §8.3, http-01)."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from postroom.admin.office import Office
from postroom.admin.tls import certificates


def routes(office: Office) -> list[Route]:
    """One path, below which the tokens stand."""

    async def answer(request: Request) -> Response:
        found = await certificates.challenge(office, request.path_params["token"])
        if found is None:
            return PlainTextResponse("Not Found\n", status_code=404)
        return Response(found, media_type="application/octet-stream")

    return [Route("/.well-known/acme-challenge/{token}", answer)]
