"""`python -m training evaluate`: a model through the whole program, as a page, tables and pictures."""
