"""Results on disk and what they hold: records, the recipe of the way back, folders, segments."""
