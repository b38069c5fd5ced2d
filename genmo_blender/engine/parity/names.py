"""Numbers that a case says in the name of an array, such as the threshold of `legs_mask_s0.6`."""

from __future__ import annotations

import re

from .framework import CaseData


def named_number(data: CaseData, prefix: str, suffix: str = "") -> tuple[str, float]:
    """The one array named prefix, a number, suffix: its name and the number. Raises KeyError when there is none."""
    pattern = re.compile(re.escape(prefix) + r"(\d+(?:\.\d+)?)" + re.escape(suffix))
    for name in data.arrays:
        found = pattern.fullmatch(name)
        if found:
            return name, float(found.group(1))
    raise KeyError(f"no array is named {prefix}NUMBER{suffix}")
