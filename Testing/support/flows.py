"""The one harness of every invertible layer."""
import torch


def check_flow(flow, x, tolerance):
    """The promise of a Flow: shapes, round trip, log-determinants that cancel."""
    y, log_det = flow(x)
    back, log_det_back = flow.inverse(y)
    assert y.numel() == x.numel() and back.shape == x.shape and log_det.shape == (len(x),) == log_det_back.shape
    assert y.dtype == back.dtype == x.dtype
    assert (back - x).abs().max() < tolerance * x.abs().max()
    assert torch.allclose(log_det + log_det_back, torch.zeros_like(log_det), atol=tolerance * x[0].numel())
