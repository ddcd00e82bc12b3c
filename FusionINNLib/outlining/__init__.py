"""A suggested outline of a lesion from two contrasts: networks, a working grid, what is written. Never taken for a drawn one."""
