"""What a program sends with a request, read within bounds."""

from collections.abc import AsyncIterator

from starlette.requests import Request

from postroom.web.api.problem import Problem


class Upload:
    """The octets of a request; ``media_type`` in lower case, without parameters."""

    def __init__(self, request: Request, most: int) -> None:
        """``most`` octets are taken, 0: any number."""
        self.media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        self._request = request
        self._most = most

    async def pieces(self) -> AsyncIterator[bytes]:
        """The octets as they come. Raises Problem when there are too many."""
        count = 0
        async for piece in self._request.stream():
            count += len(piece)
            if 0 < self._most < count:
                raise Problem(
                    413,
                    "too-large",
                    "The request is too large",
                    f"it may have {self._most} octets; send less at a time",
                )
            yield piece

    async def read(self) -> bytes:
        """All octets. Raises Problem when there are too many."""
        return b"".join([piece async for piece in self.pieces()])
