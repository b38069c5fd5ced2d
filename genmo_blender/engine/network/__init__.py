"""The denoising network of GENMO (spec 2 and 3) and what our small model adds to it."""
