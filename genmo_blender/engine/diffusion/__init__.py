"""The diffusion process: noise schedule and sampler (spec 5)."""
