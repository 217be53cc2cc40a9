"""The IMAP door: drives ``protocol.imap``, answers from ``access`` (RFC 3501)."""
