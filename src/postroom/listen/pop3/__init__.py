"""The POP3 door: drives ``protocol.pop3``, answers from ``access`` (RFC 1939)."""
