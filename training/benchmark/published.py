"""The values of the paper's Table 1, transcribed: what ours stand beside."""

SOURCE = "Kumar et al. 2024, arXiv 2403.15769, Table 1"
METRICS = ("q_ssim", "q_fmi", "q_ncie", "q_xy_centre", "q_p_centre")
"""Under the names that say how they were computed: Q_XY and Q_P of that table are those of the centre of a slice."""
VALUES = {
    "deepfuse": (0.927, 0.791, 0.806, 0.449, 0.766), "funfuseann": (0.930, 0.845, 0.806, 0.481, 0.781),
    "half_unet": (0.933, 0.850, 0.805, 0.464, 0.774), "unet": (0.934, 0.835, 0.805, 0.420, 0.711),
    "unet_plus_plus": (0.937, 0.849, 0.805, 0.433, 0.739), "unet_3_plus": (0.937, 0.849, 0.805, 0.434, 0.742),
    "ddfm": (0.921, 0.861, 0.806, 0.472, 0.702), "paper": (0.927, 0.835, 0.806, 0.493, 0.783)}
PROPOSED = "paper"
"""The row of what the paper proposes: the name of its training here, see trainers/registry.py."""
ROWS = "8500 slices trained on, 1153 measured, split by slice"
