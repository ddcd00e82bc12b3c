"""The made-up sample case."""
