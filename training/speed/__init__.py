"""`python -m training bench`: speed against the reference implementation."""
