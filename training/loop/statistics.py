"""What batch normalisation has seen, which is no weight: averaged weights need it too."""
from torch import nn


def copy_statistics(network: nn.Module, averaged: nn.Module) -> None:
    """Give averaged weights the batch statistics, and what else is a buffer, of the network that is trained."""
    for mean, now in zip(averaged.buffers(), network.buffers()):
        mean.copy_(now)
