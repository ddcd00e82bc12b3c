"""DC2Fusion: two volumes fused with context across slices, by deformable cross-attention between two streams (Liu et al. 2023)."""
