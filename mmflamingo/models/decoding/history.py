"""Settings that look at what a text has already, without the padding of its batch."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from transformers import LogitsProcessor, NoRepeatNGramLogitsProcessor, RepetitionPenaltyLogitsProcessor

OF_HISTORY = ('repetition_penalty', 'no_repeat_ngram_size')


def looking_back(settings: Mapping[str, Any], attention_mask: Tensor, filling: int) -> list[LogitsProcessor]:
    """The steps for settings of `OF_HISTORY`.

    Args:
        settings: Some of them.
        attention_mask: (B, L), 1 for text and 0 for padding.
        filling: A token that is never written; the steps see it in the place of padding.
    """
    steps: list[LogitsProcessor] = []
    if settings.get('repetition_penalty', 1) != 1:
        steps.append(RepetitionPenaltyLogitsProcessor(float(settings['repetition_penalty'])))
    if settings.get('no_repeat_ngram_size'):
        steps.append(NoRepeatNGramLogitsProcessor(settings['no_repeat_ngram_size']))
    return [WithoutPadding(step, attention_mask, filling) for step in steps]


class WithoutPadding(LogitsProcessor):
    """A step of Hugging Face's that sees no padding: this may be a token that the language model writes, such as its end.

    Args:
        step: The step.
        attention_mask, filling: As in `looking_back`.
    """

    def __init__(self, step: LogitsProcessor, attention_mask: Tensor, filling: int) -> None:
        self.step = step
        self.is_padding = attention_mask == 0
        self.filling = filling

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores (B * n, vocabulary) after texts (B * n, L + T)."""
        is_padding = self.is_padding.repeat_interleave(len(input_ids) // len(self.is_padding), 0)
        input_ids = input_ids.clone()
        input_ids[:, : is_padding.shape[1]].masked_fill_(is_padding, self.filling)
        return self.step(input_ids, scores)
