"""SASLprep: the one form of a name or a password (RFC 4013, over RFC 3454).

Without the check of bidirectional text, and with unassigned code points allowed: clients that
skip SASLprep send those as they are.
"""

import stringprep
import unicodedata


def mapped(text: str) -> str:
    """RFC 4013 §2.1 and §2.2: other spaces are SPACE, some letters are nothing; NFKC."""
    if text.isascii():
        return text
    kept = "".join(
        " " if stringprep.in_table_c12(letter) else letter
        for letter in text
        if not stringprep.in_table_b1(letter)
    )
    return unicodedata.normalize("NFKC", kept)


def is_prohibited(letter: str) -> bool:
    """RFC 4013 §2.3, for a letter of a mapped text."""
    return (
        stringprep.in_table_c21_c22(letter)
        or stringprep.in_table_c3(letter)
        or stringprep.in_table_c4(letter)
        or stringprep.in_table_c5(letter)
        or stringprep.in_table_c6(letter)
        or stringprep.in_table_c7(letter)
        or stringprep.in_table_c8(letter)
        or stringprep.in_table_c9(letter)
    )
