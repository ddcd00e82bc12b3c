"""The parts of the panel. `FusionINN.py` puts them together; everything here runs in Slicer's main thread and computes nothing itself."""
