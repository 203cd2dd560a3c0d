"""Writing text about media: beam search of our own, everything else with Hugging Face's `generate`."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig

from ..language import FlamingoLMAdapter
from .beam_search import beam_search, beam_search_in_rows, can_search, knows_settings
from .beams import BeamSettings
from .finite import FiniteScores, check_finite
from .history import OF_HISTORY, looking_back
from .sampling import drawing
from .settings import MAX_NEW_TOKENS, OF_SAMPLING, parse_settings


@torch.no_grad()
def generate(
    adapter: FlamingoLMAdapter,
    visual_tokens: Tensor,
    input_ids: Tensor,
    attention_mask: Tensor,
    stop_token_ids: Sequence[int],
    pad_token_id: int,
    settings: Mapping[str, Any],
    sample_ids: Sequence[Hashable] | None = None,
    banned_token_ids: Sequence[int] = (),
) -> Tensor:
    """Continues prompts that media are part of.

    The visual tokens stay at batch B whatever the number of beams. `<image>` is never generated,
    because no medium would belong to it. Settings that lie beside the language model's weights have no influence. With
    `do_sample` a sample's draws come from the setting `seed` and its id: they are the same in every batch.

    Args:
        adapter: The language model.
        visual_tokens: (B, M, K, D), output of the resampler.
        input_ids: (B, L), padded on the left.
        attention_mask: (B, L), 1 for text and 0 for padding.
        stop_token_ids: A text ends with one of these tokens.
        pad_token_id: Fills rows that ended early.
        settings: Those of `settings.RULES`: `num_beams`, `max_new_tokens`, `length_penalty`, ... Beam search without other
            settings than those of `BeamSettings` runs in `beam_search`, which finds the same several times faster.
        sample_ids: B ids; None for their numbers in the batch.
        banned_token_ids: Further tokens that are never generated.

    Returns:
        Tensor: (B, T), the new tokens without the prompt.

    Raises:
        ValueError: A setting can't be used, or the logits of a sample are not finite.
    """
    settings = {'max_new_tokens': MAX_NEW_TOKENS, **parse_settings(settings)}
    settings.pop('num_return_sequences', None)  # it is 1
    is_drawn = settings.pop('do_sample', False)
    sample_ids = range(len(input_ids)) if sample_ids is None else sample_ids
    banned = sorted({adapter.image_token_id, *banned_token_ids})
    is_whole = settings.get('length_penalty_over') == 'whole'
    if can_search(adapter, settings) or (is_whole and knows_settings(settings)):
        search = beam_search if can_search(adapter, settings) else beam_search_in_rows
        ids, is_broken = search(
            adapter,
            visual_tokens,
            input_ids,
            attention_mask,
            settings=BeamSettings(**settings),
            stop_token_ids=stop_token_ids,
            banned_token_ids=banned,
            pad_token_id=pad_token_id,
        )
        check_finite(~is_broken, sample_ids)
        return ids
    of_history, of_sampling = (
        {name: settings.pop(name) for name in names if name in settings} for names in (OF_HISTORY, OF_SAMPLING)
    )
    processors = [FiniteScores(sample_ids), *looking_back(of_history, attention_mask, adapter.image_token_id)]
    if is_drawn:
        processors += drawing(of_sampling, sample_ids, input_ids.device)
    settings.pop('length_penalty_over', None)
    config = GenerationConfig(
        eos_token_id=list(stop_token_ids), pad_token_id=pad_token_id, suppress_tokens=banned, **settings
    )
    if config.num_beams in (None, 1):  # there is nothing to compare, and transformers would warn
        config.length_penalty = None
    prompt_length = input_ids.shape[1]
    with adapter.conditioned(visual_tokens, prompt_length):
        ids = adapter.lm.generate(
            input_ids, attention_mask=attention_mask, generation_config=config, logits_processor=processors
        )
    return ids[:, prompt_length:]
