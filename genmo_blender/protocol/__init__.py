"""Ground floor: what crosses the pipe between the add-on and an engine. Standard library and numpy only."""
