"""A case in the scene, as tests without a browser use it: what the page has computed is done here and now."""
from FusionINNLib.viewer import computations


def run(computation: computations.Computation) -> str:
    """Do it here and now; what the page would say."""
    return computation.keep(computation.task.run())
