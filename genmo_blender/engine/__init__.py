"""The engine: everything that needs torch. Its own process, its own environment."""
