"""From a strip to tensors: one file for each kind of condition (text, music, speech, footage, keys)."""
