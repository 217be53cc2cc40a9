"""The HTTP door. Imported when somebody first connects to it."""
