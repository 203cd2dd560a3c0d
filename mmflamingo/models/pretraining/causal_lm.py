"""Pretraining of a language model on text."""

import torch
from mmengine.model import BaseModel
from transformers import AutoConfig, AutoModelForCausalLM

from ...registry import MODELS


@MODELS.register_module()
class CausalLMPretraining(BaseModel):
    """Trains any Hugging Face causal language model from scratch on blocks of tokens.

    Args:
        config: The model's configuration, e.g. `dict(model_type='llama', hidden_size=192, ...)`.
        data_preprocessor: As in mmengine; it moves the blocks to the device.
    """

    def __init__(self, config: dict, data_preprocessor: dict | None = None):
        super().__init__(data_preprocessor=data_preprocessor)
        self.lm = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config), dtype=torch.float32)

    def forward(self, inputs: torch.Tensor, mode: str = 'tensor') -> torch.Tensor | dict[str, torch.Tensor]:
        """Next-token logits or loss.

        Args:
            inputs: (B, L) token ids.
            mode: 'loss' for `{'loss': scalar}`, 'tensor' for logits (B, L, vocabulary). 'predict' gives the mean
                loss of the batch too: a list with one float, so that a held-out set can be measured.
        """
        if mode == 'tensor':
            return self.lm(input_ids=inputs, use_cache=False).logits
        loss = self.lm(input_ids=inputs, labels=inputs, use_cache=False).loss
        return {'loss': loss} if mode == 'loss' else [loss.item()]

    def save_pretrained(self, folder: str) -> None:
        """Writes the language model as a Hugging Face folder, which is what `FlamingoLMAdapter(pretrained=...)` reads."""
        self.lm.save_pretrained(folder)
