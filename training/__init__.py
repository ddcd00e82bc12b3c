"""Offline training of FusionINN networks. Imports FusionINNLib, never the reverse."""
