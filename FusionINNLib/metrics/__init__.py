"""The published image-fusion metrics, on slices and volumes. Needs numpy and scipy only."""
from FusionINNLib.metrics.evaluate import MASKED_KEYS, WHOLE_KEYS, VolumeMetrics, evaluate_slice, evaluate_volume

__all__ = ["MASKED_KEYS", "WHOLE_KEYS", "VolumeMetrics", "evaluate_slice", "evaluate_volume"]
