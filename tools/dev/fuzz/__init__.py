"""Parts of tools/dev/fuzz.py: hostile and broken inputs through the real entry points, and what came of each."""
