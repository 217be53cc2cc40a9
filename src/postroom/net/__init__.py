"""The outside world: TLS contexts, sockets, names."""
