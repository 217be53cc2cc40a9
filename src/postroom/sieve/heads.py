"""A header block as tests ask for it: by name, unfolded, decoded, each field read once.

RFC 5228 §2.4.2.2 (names), §5.7 (values without the white space around them), RFC 2047.
"""

from postroom.message import headers
from postroom.message.charset import decode_words


class Head:
    """The fields of a block; made when they are first asked for."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self._values: dict[str, list[bytes]] | None = None
        self._texts: dict[str, list[str]] = {}

    def values(self, name: str) -> list[bytes]:
        """The unfolded values of the fields with this name (any case), in order."""
        if self._values is None:
            self._values = {}
            octets = self.octets[: headers.MAX_HEADER]
            for field in headers.fields(octets):
                value = headers.unfold(octets[field.value_start : field.end]).strip(b" \t\r\n")
                self._values.setdefault(field.name.decode("ascii"), []).append(value)
        return self._values.get(name.lower(), [])

    def texts(self, name: str) -> list[str]:
        """The values of the fields of a name, their encoded words decoded."""
        name = name.lower()
        found = self._texts.get(name)
        if found is None:
            found = [clean(decode_words(value)).strip(" \t\r\n") for value in self.values(name)]
            self._texts[name] = found
        return found


def clean(text: str) -> str:
    """Text that has a UTF-8 form: some charsets decode to half a surrogate pair."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text
