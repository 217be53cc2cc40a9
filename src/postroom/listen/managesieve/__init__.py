"""The ManageSieve door."""
