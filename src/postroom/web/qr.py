"""QR codes, for phones that look at a page of ours."""


def svg(text: str, title: str) -> str:
    """A QR code as an SVG element, black on white whatever the colours of the page are.

    ``title`` is for who can't see it.
    """
    import segno

    return segno.make(text, error="l", micro=False).svg_inline(
        scale=4, border=3, dark="#000", light="#fff", title=title
    )
