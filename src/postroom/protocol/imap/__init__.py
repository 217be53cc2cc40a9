"""IMAP4rev1 and IMAP4rev2, server side (RFC 3501, RFC 9051)."""
