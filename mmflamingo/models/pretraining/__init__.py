"""Pretraining of the parts that Flamingo freezes: the vision encoder and the language model."""

from .causal_lm import CausalLMPretraining
from .clip import CLIPPretraining, PictureDataPreprocessor

__all__ = ['CLIPPretraining', 'CausalLMPretraining', 'PictureDataPreprocessor']
