"""A browser without script, for pages of a server that runs."""

import re
import ssl
import urllib.error
import urllib.parse
import urllib.request


class Client:
    """Keeps the cookie, follows to where it is sent."""

    def __init__(self, url: str) -> None:
        self._base = url
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(), urllib.request.HTTPSHandler(context=trust)
        )
        self.page = ""

    def ask(self, path: str, fields: dict[str, str] | None = None) -> int:
        word = re.search(r'name="csrf" value="([0-9a-f]+)"', self.page)
        whole = None if fields is None else {**({"csrf": word[1]} if word else {}), **fields}
        body = None if whole is None else urllib.parse.urlencode(whole).encode()
        try:
            with self._opener.open(self._base + path, body, timeout=300) as answer:
                self.page = answer.read().decode()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                self.page = error.read().decode()
            return error.code
