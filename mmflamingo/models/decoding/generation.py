"""Writing text about media: beam search of our own, everything else with Hugging Face's `generate`."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig

from ..language import FlamingoLMAdapter
from .beam_search import BeamSettings, beam_search, can_search


@torch.no_grad()
def generate(
    adapter: FlamingoLMAdapter,
    visual_tokens: Tensor,
    input_ids: Tensor,
    attention_mask: Tensor,
    stop_token_ids: Sequence[int],
    pad_token_id: int,
    settings: Mapping[str, Any],
) -> Tensor:
    """Continues prompts that media are part of.

    The visual tokens stay at batch B whatever the number of beams. `<image>` is never generated,
    because no medium would belong to it. The search is deterministic unless the settings say
    otherwise; settings that lie beside the language model's weights have no influence.

    Args:
        adapter: The language model.
        visual_tokens: (B, M, K, D), output of the resampler.
        input_ids: (B, L), padded on the left.
        attention_mask: (B, L), 1 for text and 0 for padding.
        stop_token_ids: A text ends with one of these tokens.
        pad_token_id: Fills rows that ended early.
        settings: Fields of Hugging Face's GenerationConfig: `num_beams`, `max_new_tokens`,
            `length_penalty`, ... Beam search without other settings than those of `BeamSettings` runs in
            `beam_search`, which finds the same several times faster.

    Returns:
        Tensor: (B, T), the new tokens without the prompt; (B * n, T) with `num_return_sequences=n`.

    Raises:
        ValueError: A setting is none that `generate` has.
    """
    if can_search(adapter, settings):
        prompts = (visual_tokens, input_ids, attention_mask)
        return beam_search(adapter, *prompts, stop_token_ids, pad_token_id, BeamSettings(**settings))
    config = GenerationConfig(
        eos_token_id=list(stop_token_ids),
        pad_token_id=pad_token_id,
        suppress_tokens=[adapter.image_token_id],
    )
    unknown = config.update(**settings)
    if config.num_beams == 1:  # there is nothing to compare, and transformers would warn
        config.length_penalty = None
    if unknown:
        raise ValueError(f'`generation` of the prompt has {list(unknown)}: Hugging Face generate has no such settings.')
    prompt_length = input_ids.shape[1]
    with adapter.conditioned(visual_tokens, prompt_length):
        ids = adapter.lm.generate(input_ids, attention_mask=attention_mask, generation_config=config)
    return ids[:, prompt_length:]
