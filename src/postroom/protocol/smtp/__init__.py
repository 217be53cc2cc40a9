"""SMTP and LMTP, server side (RFC 5321, RFC 2033)."""
