"""Losses: of the default network, and those of the paper."""
