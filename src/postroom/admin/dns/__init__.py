"""The DNS of own domains: which records there should be, which there are, and bringing them in."""
