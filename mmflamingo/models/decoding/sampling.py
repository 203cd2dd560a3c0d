"""Drawing tokens so that a sample's text is the same in every batch, order, rank and resumed run."""

from collections.abc import Hashable, Mapping, Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor
from transformers.generation import logits_process as hf

DEFAULT_TOP_K = 50  # as of transformers
# What cuts a distribution before a token is drawn, in transformers' order, and the value that changes nothing.
_CUTS = {
    'temperature': (hf.TemperatureLogitsWarper, 1.0),
    'top_h': (hf.TopHLogitsWarper, None),
    'top_k': (hf.TopKLogitsWarper, 0),
    'top_p': (hf.TopPLogitsWarper, 1.0),
    'min_p': (hf.MinPLogitsWarper, 0.0),
    'typical_p': (hf.TypicalLogitsWarper, 1.0),
    'epsilon_cutoff': (hf.EpsilonLogitsWarper, 0.0),
    'eta_cutoff': (hf.EtaLogitsWarper, 0.0),
}


def drawing(settings: Mapping[str, Any], sample_ids: Sequence[Hashable], device: torch.device) -> list[LogitsProcessor]:
    """The steps from scores to a drawn token, for a `generate` that takes the likeliest one.

    Args:
        settings: Those of sampling, such as `temperature`, and `seed` [0].
        sample_ids: Ids of the B samples.
        device: Where the scores lie.
    """
    settings = {'top_k': DEFAULT_TOP_K, **settings}
    steps: list[LogitsProcessor] = []
    for name, (cut, neutral) in _CUTS.items():
        value = settings.get(name)
        if value is not None and value != neutral:
            places = {'device': device} if cut is hf.EtaLogitsWarper else {}
            steps.append(cut(value if name == 'top_k' else float(value), **places))
    return [*steps, DrawnBySample(settings.get('seed', 0), sample_ids)]


class DrawnBySample(LogitsProcessor):
    """Draws a token for each sample from random numbers of its own.

    Args:
        seed: Another one gives other texts.
        sample_ids: Ids of the B samples. A sample's numbers come from the seed and its id alone.
    """

    def __init__(self, seed: int, sample_ids: Sequence[Hashable]) -> None:
        self.streams = [Random(f'sampling-{seed}-{sample_id}') for sample_id in sample_ids]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores (B, vocabulary) to 0 for the drawn token and -inf for the others."""
        bounds = scores.double().softmax(-1).cumsum(-1)
        drawn = bounds.new_tensor([[stream.random()] for stream in self.streams]) * bounds[:, -1:]
        # The last token of any likelihood, should rounding lead beyond it.
        last = torch.searchsorted(bounds, bounds[:, -1:].contiguous())
        tokens = torch.minimum(torch.searchsorted(bounds, drawn, right=True), last)
        return torch.full_like(scores, -torch.inf).scatter_(1, tokens, 0.0)
