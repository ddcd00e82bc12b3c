"""LAGN: a local and global network on the features of a joint diffusion, inspired by Qu et al. 2025 (its abstract alone is public)."""
