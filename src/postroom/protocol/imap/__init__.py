"""IMAP4rev1, server side (RFC 3501)."""
