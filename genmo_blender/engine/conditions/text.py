"""Text: prompts → features, the rows that the network's text blocks attend to (spec 2.8)."""

from .minilm import encode_many, load_minilm

__all__ = ["encode_many", "load_minilm"]
