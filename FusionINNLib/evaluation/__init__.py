"""Metrics of a case, `fusioninn evaluate`, and decomposed minus source."""
