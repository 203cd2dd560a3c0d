"""Beam search in which the beams of a sample share its prompt.

It finds what Hugging Face's `generate` finds, token for token. That one runs every beam as a row of its own: the prompt
B * n times, and the keys and values of all rows copied whenever beams change places. Here a sample is one row. Its n
beams stand side by side after the prompt, as a tree of tokens, and the attention mask shows each token its own
ancestors:

    prompt . . . . | a1 b1 c1 | a2 b2 c2 |          a2 continues b1: it sees the prompt, b1 and itself

So the prompt is read once, nothing ever moves, and beams that change places only change the mask. Samples that are
finished leave the batch.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from ..language import FlamingoLMAdapter
from .beams import Beams, BeamSettings
from .kv_cache import ReservedCache, holds_a_tree
from .ranking import read

STEPS_A_LOOK = {'cpu': 1, 'cuda': 4}  # from one look at which samples are finished, which waits for a GPU, to the next
LEAVE_AT = 0.75  # finished samples leave the batch when so few go on; each time costs a copy of the cache


def can_search(adapter: FlamingoLMAdapter, settings: Mapping[str, Any]) -> bool:
    """Whether `beam_search` knows these settings and can run this language model."""
    return knows_settings(settings) and holds_a_tree(adapter.lm)


def knows_settings(settings: Mapping[str, Any]) -> bool:
    """Whether these are settings of a beam search without others."""
    names = {field.name for field in fields(BeamSettings)}
    return {'num_beams', 'max_new_tokens'} <= settings.keys() <= names and settings['num_beams'] > 1


def beam_search(
    adapter: FlamingoLMAdapter, visual_tokens: Tensor, input_ids: Tensor, attention_mask: Tensor, **of_beams: Any
) -> tuple[Tensor, Tensor]:
    """Continues prompts that media are part of.

    Args:
        adapter, visual_tokens, input_ids, attention_mask: As in `generate`.
        **of_beams: Arguments of `Beams`, without the mask.

    Returns:
        As of `Beams.best`.
    """
    settings = of_beams['settings']
    length = input_ids.shape[1]
    steps_a_look = STEPS_A_LOOK.get(input_ids.device.type, STEPS_A_LOOK['cuda'])
    cache = ReservedCache(length + settings.num_beams * (settings.max_new_tokens - 1))
    with adapter.conditioned(visual_tokens, length) as media:
        logits, prompt_mask = read_prompts(adapter, cache, input_ids, attention_mask)
        beams = Beams(prompt_mask=prompt_mask, **of_beams)
        for step in range(settings.max_new_tokens):
            beams.extend(logits, step)
            if step + 1 == settings.max_new_tokens:
                break
            if (step + 1) % steps_a_look == 0:
                unfinished = beams.unfinished()
                if not len(unfinished):
                    break
                if len(unfinished) <= LEAVE_AT * len(logits):
                    for state in (beams, media, cache):
                        state.keep(unfinished)
            logits = adapter.lm(**beams.next_tokens(step), **{adapter.cache_argument: cache}, use_cache=True).logits
    return beams.best()


def beam_search_in_rows(
    adapter: FlamingoLMAdapter, visual_tokens: Tensor, input_ids: Tensor, attention_mask: Tensor, **of_beams: Any
) -> tuple[Tensor, Tensor]:
    """The same with a row for each beam: slower, for language models that `holds_a_tree` turns down."""
    settings = of_beams['settings']
    batch, n = len(input_ids), settings.num_beams
    beams = Beams(prompt_mask=attention_mask, **of_beams)
    first_rows = torch.arange(batch, device=input_ids.device)[:, None] * n
    with adapter.conditioned(visual_tokens, input_ids.shape[1]):
        logits, cache = read(adapter, input_ids, attention_mask, logits_to_keep=1)
        logits = logits[:, -1:]
        cache.batch_repeat_interleave(n)
        mask = attention_mask.repeat_interleave(n, 0)
        for step in range(settings.max_new_tokens):
            beams.extend(logits, step)
            if step + 1 == settings.max_new_tokens or not len(beams.unfinished()):
                break
            cache.reorder_cache((first_rows + beams.running['origins']).flatten())
            mask = torch.cat([mask, mask.new_ones(batch * n, 1)], dim=1)
            logits = read(adapter, beams.running['texts'][..., step].reshape(-1, 1), mask, cache)[0].unflatten(
                0, (batch, n)
            )
            logits = logits[:, :, -1]
    return beams.best()


def read_prompts(
    adapter: FlamingoLMAdapter, cache: ReservedCache, input_ids: Tensor, attention_mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Fills the cache with prompts; text that all of them begin with is read only once.

    Returns:
        Logits after the prompts, (B, 1, vocabulary), and the mask (B, L) of the cache's tokens: padding now is
        after the common beginning.
    """
    last_only = {'logits_to_keep': 1} if 'logits_to_keep' in adapter.lm_arguments else {}
    batch, length = input_ids.shape
    common = common_length(adapter, input_ids, attention_mask) if batch > 1 else 0
    if common:
        start = attention_mask[0].argmax()
        with adapter.conditioned(adapter.context.visual_tokens[:1]):
            prefix = adapter.lm(input_ids[:1, start : start + common], use_cache=True, **last_only)
        cache.start_with(prefix[adapter.cache_argument], batch)
        starts = attention_mask.argmax(-1, keepdim=True)
        places = torch.arange(length, device=input_ids.device)
        attention_mask = ((places < common) | (places >= starts + common)).long()
    positions = (attention_mask.cumsum(-1) - 1).clamp(min=0)
    logits = adapter.lm(
        input_ids[:, common:],
        attention_mask=attention_mask,
        position_ids=positions[:, common:],
        use_cache=True,
        **{adapter.cache_argument: cache},
        **last_only,
    ).logits
    return logits[:, -1:], attention_mask


def common_length(adapter: FlamingoLMAdapter, input_ids: Tensor, attention_mask: Tensor) -> int:
    """How many tokens all prompts (B, L) begin with that see no medium; each keeps a token of its own."""
    batch, length = input_ids.shape
    everything = input_ids.new_zeros(length, dtype=torch.bool)
    index = adapter.media_index(input_ids == adapter.image_token_id, input_ids.new_zeros(batch), everything)
    starts = attention_mask.argmax(-1, keepdim=True)
    places = torch.arange(length - 1, device=input_ids.device)
    shifted = starts + places
    is_own = shifted >= length - 1  # the last token of each prompt
    shifted = shifted.clamp(max=length - 1)
    ids = input_ids.gather(1, shifted)
    is_common = (ids == ids[:1]) & (index.gather(1, shifted) == 0) & ~is_own
    return int(is_common.all(0).cumprod(0).sum())
