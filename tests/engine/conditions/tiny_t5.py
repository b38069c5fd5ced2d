"""A tiny random T5 in transformers' layout, 16 numbers a token."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

WORDS = "a person walks forward and waves".split()
WIDTH = 16


def write_t5(folder: Path) -> Path:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((f"▁{word}", -1.0) for word in WORDS), ("▁", -9.0)]
    tokeniser = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokeniser.pre_tokenizer = pre_tokenizers.Metaspace()
    tokeniser.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokeniser, **names).save_pretrained(folder)
    torch.manual_seed(0)
    config = T5Config(vocab_size=len(pieces), d_model=WIDTH, d_kv=4, d_ff=32, num_layers=2, num_heads=4)
    T5EncoderModel(config).save_pretrained(folder)
    return folder
