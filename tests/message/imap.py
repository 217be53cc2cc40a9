"""An independent reader of IMAP data: nested lists of bytes and None, errors for the rest."""

Item = None | int | bytes | list["Item"]


def read(text: bytes) -> Item:
    """Read one item that must be the whole text (RFC 3501 §4)."""
    item, at = _item(text, 0)
    assert at == len(text), text[at:]
    return item


def _item(text: bytes, at: int) -> tuple[Item, int]:
    first = text[at : at + 1]
    if first == b"(":
        return _list(text, at + 1)
    if first == b'"':
        return _quoted(text, at + 1)
    if first == b"{":
        end = text.index(b"}\r\n", at)
        size = int(text[at + 1 : end])
        literal = text[end + 3 : end + 3 + size]
        assert len(literal) == size
        assert b"\0" not in literal
        return literal, end + 3 + size
    if text[at : at + 3] == b"NIL":
        return None, at + 3
    end = at
    while text[end : end + 1].isdigit():
        end += 1
    return int(text[at:end]), end


def _list(text: bytes, at: int) -> tuple[list[Item], int]:
    items: list[Item] = []
    while text[at : at + 1] != b")":
        if text[at : at + 1] == b" ":
            assert items
            at += 1
        else:  # only lists may follow each other without a blank
            assert not items or (isinstance(items[-1], list) and text[at : at + 1] == b"(")
        item, at = _item(text, at)
        items.append(item)
    return items, at + 1


def _quoted(text: bytes, at: int) -> tuple[bytes, int]:
    found = bytearray()
    while text[at] != 0x22:
        if text[at] == 0x5C:
            at += 1
            assert text[at] in b'"\\'
        assert 0 < text[at] < 128
        assert text[at] not in b"\r\n"
        found.append(text[at])
        at += 1
    return bytes(found), at + 1
