"""``evaluate``: everything that is measured of a model, as one JSON and one page for people."""
