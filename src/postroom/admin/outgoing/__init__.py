"""Which way mail leaves: relays, their presets, trying one out, TLS rules."""
