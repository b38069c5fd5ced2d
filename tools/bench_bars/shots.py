"""What is directed while measuring: sentences, in pairs for the shots and in a row for long motion."""

from __future__ import annotations

FPS = 30
SECONDS = 10
SEED = 7
FIRST = ("a person walks forward", "a person waves with the right hand")
"""The two prompts of the cold shot, and of all that are compared with it."""
OTHERS = (
    ("a man jogs ahead", "he sits down on a chair"),
    ("someone walks backwards slowly", "a person raises both arms"),
    ("a person turns to the left", "the person kicks with the right leg"),
    ("a woman jumps on the spot", "she walks in a circle"),
    ("a person bends down to pick something up", "a person claps"),
)
"""Pairs for the warm shots, each new to the prompt cache."""
ROW = tuple(sentence for pair in (FIRST, *OTHERS) for sentence in pair)
"""All of them, one after another, over and over in long motion."""
