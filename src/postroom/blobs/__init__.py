"""Message bytes: compressed, with length and SHA-256, in a row or a file."""
