"""Prompts before any network sees them: the tokeniser, and what to tell the animator about a sentence."""
