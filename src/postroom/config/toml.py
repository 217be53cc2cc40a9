"""Writing values for a TOML file; reading is left to the standard library."""


def string(text: str) -> str:
    """A basic string (TOML 1.0, "String"): quotes, backslashes and controls are escaped."""
    inside = "".join(
        f"\\{letter}" if letter in '"\\' else letter if letter.isprintable() else _escaped(letter)
        for letter in text
    )
    return f'"{inside}"'


def _escaped(letter: str) -> str:
    number = ord(letter)
    return f"\\u{number:04X}" if number < 1 << 16 else f"\\U{number:08X}"
