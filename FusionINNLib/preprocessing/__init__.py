"""Stored numbers to the nominal 0..1 scale and back; a volume as a stack of slices."""
