"""Text inside XML: what must not stand there as it is.

The standard library has the same in ``xml.sax.saxutils``, which brings its own client of HTTP
with it: a megabyte in a server that writes two small documents.
"""


def escaped(text: str) -> str:
    """``text`` between two tags, not in an attribute. XML 1.0 §2.4."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
