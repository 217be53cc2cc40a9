"""What these tests would have liked to find on this machine, told at the end of the run.

Nothing is left out in silence: who leaves a test out for want of a program or of data
calls ``missing``, and the terminal summary names each thing and how to get it.
"""

import os
from pathlib import Path
from typing import Final

CI: Final = os.environ.get("CI") == "true"
VECTORS: Final = Path(__file__).resolve().parents[2] / "shared" / "vectors"

_missing: dict[str, str] = {}


def missing(what: str, remedy: str) -> None:
    """Remember that ``what`` is not here; ``remedy`` is its apt line or a sentence."""
    _missing[what] = remedy


def remembered() -> dict[str, str]:
    """All that was missing so far: what, and its remedy."""
    return dict(_missing)


def told() -> list[str]:
    """One line a missing thing, for the summary."""
    return [f"{what}: {remedy}" for what, remedy in sorted(_missing.items())]


def vectors(name: str, pattern: str = "*") -> list[Path]:
    """The files of a folder of public test data; empty, and told, when it is not here.

    Use it in ``parametrize``; the data stand beside the checkout, not in it.
    """
    found = sorted(VECTORS.joinpath(name).glob(pattern))
    if not found:
        missing(f"test data {name}/{pattern}", "lay shared/vectors beside the checkout")
    return found
