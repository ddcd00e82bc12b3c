"""What each setting of the published training is worth: Table 2 of Kumar et al. 2024 again, by `python -m training ablate`."""
