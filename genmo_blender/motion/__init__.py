"""Ground floor: the mathematics of motion, numpy alone, so that engine, add-on and tools share one truth."""
