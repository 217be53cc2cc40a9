"""The way in: octets to a script that can be run."""

from collections.abc import Collection

from postroom.sieve.check import check
from postroom.sieve.parser import parse
from postroom.sieve.rules import EXTENSIONS
from postroom.sieve.script import Script


def compile_script(octets: bytes, *, extensions: Collection[str] = EXTENSIONS) -> Script:
    """Read and check a script; raises ScriptError with every problem found, nothing else.

    ``extensions`` are the names it may require; each of the others is a problem. The script
    can be kept and run many times, side by side.
    """
    return check(parse(octets), extensions)
