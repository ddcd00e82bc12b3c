"""What a run inside Slicer consists of, see `Testing/run_in_slicer.py`."""
