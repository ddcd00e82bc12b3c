"""Cases prepared for training, their split, crops and their augmentation."""
