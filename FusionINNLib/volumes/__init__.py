"""A volume: voxels (k, j, i) and IJK-to-RAS affine in mm; files in and out; whose it is; head and background."""
