"""All fusion methods on the same slices by the same metrics: Table 1 of Kumar et al. 2024 again, by `python -m training benchmark`."""
