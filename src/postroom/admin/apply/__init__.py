"""What is set up here as one file: written, read, made true."""
