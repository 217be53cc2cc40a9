"""The SMTP, submission and LMTP doors (RFC 5321, RFC 6409, RFC 2033)."""
