"""Mail in the browser: what is read, and what is written."""
