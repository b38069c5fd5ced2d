"""Ground floor: what is known of a network before it runs: sizes, a model file's record, the noise schedule, prompts.

numpy alone, so that the engine and `lite` read the same file in the same way. Imports `protocol` and `prompts`.
"""
