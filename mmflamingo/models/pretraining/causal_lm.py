"""Pretraining of a language model on text."""

import torch
from mmengine.model import BaseModel
from transformers import AutoConfig, AutoModelForCausalLM

from ...registry import MODELS
from ..hf_weights import load_pretrained
from ..losses import token_loss


@MODELS.register_module()
class CausalLMPretraining(BaseModel):
    """Trains any Hugging Face causal language model on blocks of tokens, from scratch or from weights.

    Args:
        config: The model's configuration, e.g. `dict(model_type='llama', hidden_size=192, ...)`.
        pretrained: Instead, a Hugging Face folder to go on from.
        data_preprocessor: As in mmengine; it moves the blocks to the device.

    Raises:
        ValueError: Both or neither of `config` and `pretrained` are given, or the files cannot be used.
    """

    def __init__(
        self, config: dict | None = None, pretrained: str | None = None, data_preprocessor: dict | None = None
    ):
        super().__init__(data_preprocessor=data_preprocessor)
        if (config is None) == (pretrained is None):
            raise ValueError(f'give either config or pretrained, not config={config!r} and pretrained={pretrained!r}.')
        if pretrained is not None:
            self.lm = load_pretrained(
                AutoModelForCausalLM, 'language model', pretrained, 'model.pretrained', dtype=torch.float32
            )
        else:
            self.lm = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config), dtype=torch.float32)

    def forward(
        self, inputs: torch.Tensor, weights: torch.Tensor | None = None, mode: str = 'tensor'
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        """Next-token logits or loss.

        Args:
            inputs: (B, L) token ids.
            weights: (B, L) how much each token counts in the loss; all alike when omitted.
            mode: 'loss' for `{'loss': scalar}`, 'tensor' for logits (B, L, vocabulary). 'predict' gives the mean
                loss of the batch too: a list with one float, so that a held-out set can be measured.
        """
        if mode == 'tensor':
            return self.lm(input_ids=inputs, use_cache=False).logits
        loss = self._loss(inputs, weights)
        return {'loss': loss} if mode == 'loss' else [loss.item()]

    def _loss(self, inputs: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
        """The (weighted) mean over all tokens that have one before them."""
        logits = self.lm(input_ids=inputs, use_cache=False).logits[:, :-1].flatten(0, 1).float()
        return token_loss(logits, inputs[:, 1:].flatten(), None if weights is None else weights[:, 1:].flatten())

    def save_pretrained(self, folder: str) -> None:
        """Writes the language model as a Hugging Face folder, which is what `FlamingoLMAdapter(pretrained=...)` reads."""
        self.lm.save_pretrained(folder)
