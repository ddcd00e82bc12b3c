"""The training loop: trainer, settings of a run, precision, convergence, export. Knows no method."""
