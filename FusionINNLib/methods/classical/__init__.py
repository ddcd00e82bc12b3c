"""Fusion without training: what every network has to beat."""
