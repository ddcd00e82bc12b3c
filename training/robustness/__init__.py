"""`python -m training robustness`: what an estimate is worth after somebody changed the fused file, and whether it says so."""
