"""POP3, server side (RFC 1939)."""
