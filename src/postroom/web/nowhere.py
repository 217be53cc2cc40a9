"""What a browser is shown at an address that is no page; programs get two words.

No template: most who ask for what is not there look for holes, and need no megabytes for it.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>There is nothing here</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<div class="login">
<h1>There is nothing here</h1>
<p>This server has no page at this address.</p>
<p><a href="/">To your mail and your account</a></p>
</div>
</body>
</html>
"""
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}


async def nothing(request: Request, _error: Exception) -> Response:
    """404, as a page where one is wanted."""
    if request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(_PAGE, 404, headers=_HEADERS)
    return PlainTextResponse("Not Found", 404)
