"""Report pages: they draw, and compute nothing."""
