"""Uploads and downloads over HTTP (RFC 8620 §6.1, §6.2)."""

import urllib.parse
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from postroom.errors import Invalid, StorageFull
from postroom.store.uploads import TooManyUploads
from postroom.web import uploads as bodies
from postroom.web.api.call import Services
from postroom.web.jmap import blobs, sources
from postroom.web.jmap.account import Account
from postroom.web.jmap.capabilities import max_upload
from postroom.web.jmap.errors import MethodError, RequestError
from postroom.web.jmap.method import Caller, account_of
from postroom.web.jmap.turnstile import UPLOADS, Turnstile

# What strangers have written must not run as a page of ours.
_HARMLESS: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, immutable, max-age=31536000",
}


class Transfers:
    """Takes and gives blobs."""

    def __init__(self, services: Services, turnstile: Turnstile) -> None:
        self._services = services
        self._turnstile = turnstile

    async def upload(self, request: Request, caller: Caller) -> Response:
        """RFC 8620 §6.1."""
        account = await self._account(request, caller)
        if account.is_read_only:
            raise RequestError("", f"nothing in {account.address} may be changed", status=403)
        office, most = self._services.office, max_upload(self._services.office)
        given = request.headers.get("content-length", "")
        length = int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0
        if length > most:
            raise _too_large(most)
        kind = blobs.media_type(request.headers.get("content-type", ""))
        with self._turnstile.passing(UPLOADS, caller.person.account_id):
            try:
                await blobs.require_room(office, account, length)
                kept = await blobs.keep(office, account, _bounded(request, most), kind)
            except TooManyUploads as error:
                raise RequestError("limit", str(error), status=429, limit="maxUploads") from None
            except StorageFull as error:
                raise RequestError("", error.text, status=507, Retry_After="300") from None
            except Invalid as error:  # it broke off
                raise RequestError("", str(error), status=408) from None
        told = {
            "accountId": account.id,
            "blobId": blobs.blob_id(kept),
            "type": kind,
            "size": kept.size,
        }
        return Response(
            msgspec.json.encode(told),
            201,
            headers={"Cache-Control": "no-store"},
            media_type="application/json",
        )

    async def download(self, request: Request, caller: Caller) -> Response:
        """RFC 8620 §6.2."""
        account = await self._account(request, caller)
        found = await sources.find(account, request.path_params["blob"])
        if found is None:
            raise RequestError("", "there is no such blob for you", status=404)
        kind = blobs.media_type(request.query_params.get("type", "") or found.type)
        name = urllib.parse.quote(request.path_params["name"], safe="")
        headers = {
            **_HARMLESS,
            "Content-Type": kind,
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        }
        if found.is_exact:
            headers["Content-Length"] = str(found.size)
        return StreamingResponse(found.pieces(), headers=headers)

    async def _account(self, request: Request, caller: Caller) -> Account:
        try:
            return await account_of(self._services, caller.person, request.path_params["account"])
        except MethodError as error:
            raise RequestError("", error.description, status=404) from None


async def _bounded(request: Request, most: int) -> AsyncIterator[bytes]:
    size = 0
    async for piece in bodies.pieces(request):
        size += len(piece)
        if size > most:
            raise _too_large(most)
        yield piece


def _too_large(most: int) -> RequestError:
    return RequestError(
        "limit", f"an upload may have {most} octets", status=413, limit="maxSizeUpload"
    )
