"""Many cases: found in BIDS, in folders or in a table, fused on one machine or many, and looked at together."""
