"""The HTTP door. Imported only after the mail doors answer."""
