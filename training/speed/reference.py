"""The released network under FrEIA 0.2, built in its own order: what the tests compare numbers with, and `speed/bench.py` times.

Source: Kumar et al. 2024 and its released code. FrEIA is a dependency of tests and benchmarks only.
"""
import numpy as np
import torch


def freia_network(size: int = 32) -> torch.nn.Module:
    """A FrEIA `GraphINN` from sources (B, 2, size, size) to fused and latent (B, 1, size, size), random weights, always the same."""
    import FrEIA.framework as Ff
    import FrEIA.modules as Fm

    np.random.seed(0)
    torch.manual_seed(0)

    def subnet(width):
        def make(c_in, c_out):
            return torch.nn.Sequential(torch.nn.Conv2d(c_in, width, 3, padding=1), torch.nn.ReLU(),
                                       torch.nn.Conv2d(width, c_out, 3, padding=1), torch.nn.ReLU())
        return make

    nodes: list[Ff.Node] = [Ff.InputNode(2, size, size, name="input")]

    def add(module, arguments):
        nodes.append(Ff.Node(nodes[-1], module, arguments, name=f"step {len(nodes)}"))

    add(Fm.ActNorm, {})
    add(Fm.GLOWCouplingBlock, {"subnet_constructor": subnet(32), "clamp": 2.0})
    add(Fm.PermuteRandom, {"seed": None})
    add(Fm.IRevNetDownsampling, {})
    add(Fm.GLOWCouplingBlock, {"subnet_constructor": subnet(64), "clamp": 2.0})
    add(Fm.PermuteRandom, {"seed": None})
    add(Fm.IRevNetUpsampling, {})
    add(Fm.GLOWCouplingBlock, {"subnet_constructor": subnet(32), "clamp": 2.0})
    nodes.append(Ff.Node(nodes[-1], Fm.Split, {}, name="split"))
    network = Ff.GraphINN(nodes + [Ff.OutputNode(nodes[-1].out0, name="fused"), Ff.OutputNode(nodes[-1].out1, name="latent")])
    network(torch.rand(4, 2, size, size))  # initialises the normalisation from data
    return network
