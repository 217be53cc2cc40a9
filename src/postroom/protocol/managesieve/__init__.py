"""ManageSieve, server side (RFC 5804)."""
