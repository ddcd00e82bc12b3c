"""FusionINN: an invertible network between two sources and a fused image with its latent (Kumar et al. 2024)."""
