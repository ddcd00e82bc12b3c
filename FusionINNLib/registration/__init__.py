"""One grid for both volumes: what moved and how far; resampling."""
