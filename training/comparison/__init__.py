"""Every method of the program beside the plain average on the same volumes, each run as a user runs it."""
