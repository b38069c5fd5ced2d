"""Text in the engine: the encoders that turn prompts into features (`model.prompt_features`)."""

from ...model.prompt_features import TextEncoder, encode_prompts
from ...prompts.prompt_cache import EncoderId, PromptCache
from .minilm import MiniLM, encode_many, load_minilm
from .t5 import T5, load_t5

__all__ = [
    "T5",
    "EncoderId",
    "MiniLM",
    "PromptCache",
    "TextEncoder",
    "encode_many",
    "encode_prompts",
    "load_minilm",
    "load_t5",
]
