"""Training: importers, samples, augmentation, losses, the loop."""
