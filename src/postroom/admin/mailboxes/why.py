"""Why a message is in Junk, in sentences, from what was noted in its header.

``message.trace.junk`` writes the field, whose form other programs know:
``Yes, score=7.3 (dmarc: ..; spam: 7.3 points, junk from 5.0; +4.1 it looks like spam: ..)``.
"""

import re
from typing import Final

_STATUS: Final = re.compile(r"(?:Yes|No), score=(-?[\d.]+) \((.*)\)", re.DOTALL)
_POINTS: Final = re.compile(r"spam: (-?[\d.]+) points, junk from (-?[\d.]+)")
_SIGN: Final = re.compile(r"([+-][\d.]+) (.+)", re.DOTALL)
_STAGE: Final = re.compile(r"([a-z]+): (.+)", re.DOTALL)
_STAGES: Final = {
    "dmarc": "The domain of its author is not proven",
    "connection": "The server that brought it",
}


def because(noted: str) -> list[str]:
    """Sentences, without their final dots; of a field of another program what it says."""
    found = _STATUS.fullmatch(noted)
    if found is None:
        return [f"Another program noted: {noted}"] if noted else []
    return [_sentence(piece) for piece in found[2].split("; ") if piece]


def _sentence(piece: str) -> str:
    if points := _POINTS.fullmatch(piece):
        return f"The spam filter gives it {points[1]} points; from {points[2]} on it is junk"
    if sign := _SIGN.fullmatch(piece):
        return f"{sign[2][0].upper()}{sign[2][1:]} ({sign[1]} points)"
    if stage := _STAGE.fullmatch(piece):
        name = _STAGES.get(stage[1], stage[1].capitalize())
        return f"{name}: {stage[2]}"
    return f"{piece[0].upper()}{piece[1:]}"
