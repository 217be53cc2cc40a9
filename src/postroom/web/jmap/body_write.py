"""The body of a message that a client makes: EmailBodyParts become MIME parts (RFC 8621 §4.6).

``root`` reads what the properties of an Email say of its body and comes to a tree; ``pieces``
writes it. Text is in memory, as it came in the request; of files only their names (``Quoted``), so
that a message with large ones is written as they are read. Nothing here asks for anything.

RFC 2045, RFC 2046 §5.1, RFC 2183, RFC 2231, RFC 2387.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from postroom.message import compose
from postroom.web.jmap import fields_write
from postroom.web.jmap.errors import invalid_properties

MAX_PARTS: Final = 1_000
MAX_DEPTH: Final = 50

_PART: Final = frozenset(
    {
        *("partId", "blobId", "size", "name", "type", "charset"),
        *("disposition", "cid", "language", "location", "subParts"),
    }
)
_SAID: Final = {  # which field each of these properties sets
    "name": "",
    "type": "content-type",
    "charset": "content-type",
    "disposition": "content-disposition",
    "cid": "content-id",
    "language": "content-language",
    "location": "content-location",
}
_OURS: Final = frozenset({"content-type", "content-transfer-encoding"})
_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")
_WORD: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}")
_TAG: Final = re.compile(r"[A-Za-z0-9*-]{1,100}")
_VISIBLE: Final = re.compile(r"[!-~]{1,900}")
_CID: Final = re.compile(r"[!-;=?-~]{1,900}")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")


class Quoted(msgspec.Struct, frozen=True):
    """The octets of a blob; ``is_whole``: as they are, else in base64."""

    blob_id: str
    is_whole: bool


class Node(msgspec.Struct):
    """A part: what its header says, and its text, its file or its parts."""

    kind: str
    head: list[bytes]
    text: str | None = None
    blob_id: str = ""
    parts: "list[Node]" = []
    parameters: str = ""

    @property
    def is_message(self) -> bool:
        """Whether it is a message, which is never encoded (RFC 2046 §5.2.1)."""
        return self.kind.startswith("message/") and not self.parts

    @property
    def is_wide(self) -> bool:
        """Whether there may be octets above 127 in it."""
        return self.is_message or any(one.is_wide for one in self.parts)


class _Reader:
    """Reads parts, and counts them."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._left = MAX_PARTS

    def part(
        self,
        path: str,
        value: object,
        *,
        otherwise: str = "",
        only: str = "",
        depth: int = 0,
        seen: set[str] | None = None,
    ) -> Node:
        """A part at a path of the request; ``otherwise`` is its type without any other.

        ``only``: it can't be of another type. ``seen`` are the fields that its message has.
        """
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise invalid_properties(
                f"a message has at most {MAX_PARTS} parts, {MAX_DEPTH} inside each other", path
            )
        if not isinstance(value, dict):
            raise invalid_properties(f"{path} is an object", path)
        _check_names(path, value)
        kind = _type_of(path, value, otherwise)
        if only and kind != only:
            raise invalid_properties(f"{path} has the type {only}, not {kind}", path)
        node = Node(kind, [])
        self._fill(path, value, node, depth)
        _describe(path, value, node, set() if seen is None else seen)
        return node

    def _fill(self, path: str, value: Mapping[str, Any], node: Node, depth: int) -> None:
        given = [name for name in ("partId", "blobId", "subParts") if value.get(name) is not None]
        if node.kind.startswith("multipart/"):
            if given != ["subParts"] or not isinstance(value["subParts"], list):
                raise invalid_properties(
                    f"{path} is a multipart: it has subParts, and neither partId nor blobId", path
                )
            if not value["subParts"]:
                raise invalid_properties(f"{path} has no parts", f"{path}/subParts")
            node.parts = [
                self.part(f"{path}/subParts/{number}", one, depth=depth + 1)
                for number, one in enumerate(value["subParts"])
            ]
            return
        if given == ["partId"]:
            node.text = self._text(path, value, node.kind)
        elif given == ["blobId"] and isinstance(value["blobId"], str):
            node.blob_id = value["blobId"]
            charset = value.get("charset")
            if charset is not None:
                node.parameters = _parameter(path, "charset", charset)
        else:
            raise invalid_properties(
                f"{path} has either a partId or a blobId; only a multipart has subParts", path
            )

    def _text(self, path: str, value: Mapping[str, Any], kind: str) -> str:
        for name in ("charset", "size"):
            if value.get(name) is not None:
                raise invalid_properties(f"a part with a partId has no {name}", f"{path}/{name}")
        if not kind.startswith("text/"):
            raise invalid_properties(f"a part with a partId is text, not {kind}", f"{path}/type")
        ident = value["partId"]
        found = self._values.get(ident) if isinstance(ident, str) else None
        if found is None:
            raise invalid_properties(f"bodyValues has no value for {ident!r}", f"{path}/partId")
        return str(found)


def values(value: object) -> dict[str, str]:
    """The texts of ``bodyValues``, with LF as line end. Raises SetError."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid_properties("bodyValues is an object", "bodyValues")
    found = {}
    for ident, one in value.items():
        path = f"bodyValues/{ident}"
        if not isinstance(one, dict) or not isinstance(one.get("value"), str):
            raise invalid_properties(f"{path} is an object with a value", path)
        if not {"value", "isEncodingProblem", "isTruncated"}.issuperset(one):
            raise invalid_properties(f"{path} has a property that no body value has", path)
        for name in ("isEncodingProblem", "isTruncated"):
            if one.get(name, False) is not False:
                raise invalid_properties(f"{path}: {name} is false, or not there", f"{path}/{name}")
        if any("\ud800" <= letter <= "\udfff" for letter in one["value"]):
            raise invalid_properties(f"{path} is no Unicode", path)
        found[ident] = one["value"].replace("\r\n", "\n")
    return found


def root(properties: Mapping[str, Any], seen: set[str]) -> Node:
    """The body that the properties of an Email ask for; ``seen``: its fields. Raises SetError."""
    reader = _Reader(values(properties.get("bodyValues")))
    whole = properties.get("bodyStructure")
    lists = [
        name for name in ("textBody", "htmlBody", "attachments") if properties.get(name) is not None
    ]
    if whole is not None:
        if lists:
            raise invalid_properties(
                f"with bodyStructure there is no {' and no '.join(lists)}", "bodyStructure", *lists
            )
        return reader.part("bodyStructure", whole, otherwise="text/plain", seen=seen)
    text = _single(reader, properties, "textBody", "text/plain")
    html = _single(reader, properties, "htmlBody", "text/html")
    files = [
        reader.part(f"attachments/{number}", _attached(one))
        for number, one in enumerate(_list_of(properties, "attachments"))
    ]
    return _assembled(text, html, files)


def pieces(node: Node, seed: Callable[[], str]) -> Iterator[bytes | Quoted]:
    """The octets of a part, from its own fields on; ``seed`` makes boundaries, each another one."""
    head = b"".join(node.head)
    if node.parts:
        boundary = _boundary(node, seed)
        wide = "Content-Transfer-Encoding: 8bit\r\n" if node.is_wide else ""
        parameters = f'{node.parameters};\r\n boundary="{boundary}"'
        yield f"Content-Type: {node.kind}{parameters}\r\n{wide}".encode() + head + b"\r\n"
        for one in node.parts:
            yield f"--{boundary}\r\n".encode()
            yield from pieces(one, seed)
            yield b"\r\n"
        yield f"--{boundary}--\r\n".encode()
    elif node.text is not None:
        charset, encoding, octets = compose.encoded_text(node.text)
        yield (
            (
                f"Content-Type: {node.kind}; charset={charset.decode()}{node.parameters}\r\n"
                f"Content-Transfer-Encoding: {encoding.decode()}\r\n"
            ).encode()
            + head
            + b"\r\n"
        )
        yield octets
    else:
        encoding_name = "8bit" if node.is_message else "base64"
        yield (
            (
                f"Content-Type: {node.kind}{node.parameters}\r\n"
                f"Content-Transfer-Encoding: {encoding_name}\r\n"
            ).encode()
            + head
            + b"\r\n"
        )
        yield Quoted(node.blob_id, node.is_message)


def blob_ids(node: Node) -> list[str]:
    """The blobs that a message needs, each once."""
    found: dict[str, None] = {}
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one.blob_id:
            found[one.blob_id] = None
        waiting += one.parts
    return list(found)


def _assembled(text: Node | None, html: Node | None, files: Sequence[Node]) -> Node:
    """The tree of a message that says the same as text and as HTML, with these files."""
    shown: list[Node] = []
    if html is not None:
        shown = [one for one in files if _is_shown(one)]
        if shown:
            parameters = ';\r\n type="text/html"'
            html = Node("multipart/related", [], parts=[html, *shown], parameters=parameters)
    said = [one for one in (text, html) if one is not None]
    body = Node("multipart/alternative", [], parts=said) if len(said) > 1 else None
    if body is None and said:
        body = said[0]
    others = [one for one in files if one not in shown]
    if not others:
        return body or Node("text/plain", [], text="")
    return Node("multipart/mixed", [], parts=[*([body] if body else []), *others])


def _is_shown(node: Node) -> bool:
    """Whether HTML shows it: a part with a Content-ID that is no file."""
    head = b"".join(node.head).lower()
    return b"content-id:" in head and b"content-disposition: attachment" not in head


def _attached(value: object) -> object:
    """An attachment with the disposition that it has when the client says nothing."""
    if not isinstance(value, dict) or value.get("disposition") is not None:
        return value
    if any(name.lower().startswith("header:content-disposition") for name in value):
        return value
    return {**value, "disposition": "inline" if value.get("cid") is not None else "attachment"}


def _single(reader: _Reader, properties: Mapping[str, Any], name: str, kind: str) -> Node | None:
    if properties.get(name) is None:
        return None
    found = _list_of(properties, name)
    if len(found) != 1:
        raise invalid_properties(f"{name} has exactly one part, of the type {kind}", name)
    return reader.part(f"{name}/0", found[0], otherwise=kind, only=kind)


def _list_of(properties: Mapping[str, Any], name: str) -> list[Any]:
    found = properties.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise invalid_properties(f"{name} is an array", name)
    return found


def _check_names(path: str, value: Mapping[str, Any]) -> None:
    for name in value:
        if name not in _PART and not name.startswith("header:"):
            raise invalid_properties(f"{name} can't be set of a part", f"{path}/{name}")


def _type_of(path: str, value: Mapping[str, Any], otherwise: str) -> str:
    kind = value.get("type")
    if kind is None:
        if value.get("subParts") is not None:
            return "multipart/mixed"
        return otherwise or ("text/plain" if value.get("partId") else "application/octet-stream")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise invalid_properties(f"{kind!r} is no media type", f"{path}/type")
    return kind.lower()


def _describe(path: str, value: Mapping[str, Any], node: Node, seen: set[str]) -> None:
    """The fields of a part, but its type and encoding."""
    said = {_SAID[name] for name in _SAID if value.get(name) is not None} - {""}
    seen |= said | _OURS
    name, disposition = value.get("name"), value.get("disposition")
    named = "" if name is None else _named(path, name)
    if disposition is not None:
        if not isinstance(disposition, str) or not _WORD.fullmatch(disposition):
            raise invalid_properties(f"{disposition!r} is no disposition", f"{path}/disposition")
        named = named and named.replace("\0", "filename")
        node.head.append(f"Content-Disposition: {disposition.lower()}{named}\r\n".encode())
    elif named:
        node.parameters += named.replace("\0", "name")
    cid, location = value.get("cid"), value.get("location")
    if cid is not None:
        node.head.append(_visible(path, "cid", cid, "Content-ID: <{}>\r\n", _CID))
    if location is not None:
        node.head.append(_visible(path, "location", location, "Content-Location: {}\r\n", _VISIBLE))
    language = value.get("language")
    if language is not None:
        if not isinstance(language, list) or not language or len(language) > 100:
            raise invalid_properties("language is an array of tags", f"{path}/language")
        tags = [_visible(path, "language", one, "{}", _TAG) for one in language]
        node.head.append(b"Content-Language: " + b",\r\n ".join(tags) + b"\r\n")
    headers = {one: value[one] for one in value if one.startswith("header:")}
    node.head += [octets for _, octets in fields_write.fields(headers, seen)]


def _named(path: str, name: object) -> str:
    """The parameter with a file's name; NUL stands for the name of the parameter."""
    if not isinstance(name, str) or _CONTROLS.search(name) or len(name) > 1_000:
        raise invalid_properties("a name is text without control characters", f"{path}/name")
    return compose.parameter("\0", name)


def _parameter(path: str, name: str, value: object) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise invalid_properties(f"{value!r} is no {name}", f"{path}/{name}")
    return f"; {name}={value}"


def _visible(path: str, name: str, value: object, form: str, pattern: re.Pattern[str]) -> bytes:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise invalid_properties(f"{value!r} is no {name}", f"{path}/{name}")
    return form.format(value).encode()


def _boundary(node: Node, seed: Callable[[], str]) -> str:
    """A boundary that stands in no text of the part; in files nobody can have put it."""
    texts = [one.text for one in _leaves(node) if one.text]
    while True:
        boundary = f"=_{seed()}"  # no base64 and no quoted-printable has it
        if not any(boundary in text for text in texts):
            return boundary


def _leaves(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        waiting += one.parts
        if not one.parts:
            yield one
