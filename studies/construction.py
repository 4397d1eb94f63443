"""What the organism was built for: its corpus decides which domains share a substrate, and where their slips lie.

A claim that must hold in such a zoo is `by_construction` there, and is never counted as reproduced.
"""

from __future__ import annotations

REASONING, OTHER = ("math", "coding", "science"), "instructions"
"""The domains that the paper calls reasoning, and the one that shares nothing with them in the organism."""
CORPUS_DECIDES = ("organism",)
"""Presets whose anchor learned from our corpus."""
