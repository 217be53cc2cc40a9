"""Changes of objects: PatchObject (RFC 8620 §5.3)."""

import copy
from typing import Any

from postroom.web.jmap.errors import SetError


def tokens(pointer: str) -> list[str]:
    """The parts of a JSON Pointer whose first "/" is left out (RFC 6901 §4)."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]


def patched(whole: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A copy of an object with the changes; null takes a property away. Raises ``invalidPatch``.

    What a property may hold, and what null means for one that has a default, is the noun's.
    """
    paths = {pointer: tokens(pointer) for pointer in patch}
    taken = {tuple(path) for path in paths.values()}
    found = copy.deepcopy(whole)
    for pointer, path in paths.items():
        if any(tuple(path[:length]) in taken for length in range(1, len(path))):
            raise SetError("invalidPatch", f"{pointer!r} is inside of what is replaced as well")
        inner: Any = found
        for part in path[:-1]:
            inner = inner.get(part) if isinstance(inner, dict) else None
        if not isinstance(inner, dict):
            raise SetError("invalidPatch", f"there is no object that {pointer!r} is in")
        if patch[pointer] is None:
            inner.pop(path[-1], None)
        else:
            inner[path[-1]] = patch[pointer]
    return found
