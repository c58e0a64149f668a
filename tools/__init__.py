"""What keeps the generated parts fresh: run from the root, as ``python -m tools.<name>``."""
