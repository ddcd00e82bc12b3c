"""Fusion methods: one folder or file a method, one table of them; models, weights, devices, slices through a network."""
