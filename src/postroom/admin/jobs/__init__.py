"""Work that takes a while, done by the server: backups, imports, exports."""
