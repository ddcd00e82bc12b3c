"""Training and measuring the networks that suggest outlines."""
