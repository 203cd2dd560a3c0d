"""Language models that see: media index, gated cross-attention and the adapter around an LM."""

from .lm_adapter import FlamingoLMAdapter

__all__ = ['FlamingoLMAdapter']
