"""Reversible data hiding: the difference of the sources is coded and written as digits of the average's 256 grey levels."""
