"""Samples with choices: which of them does the model find likeliest?"""

from collections.abc import Sequence
from itertools import islice, permutations
from math import factorial
from random import Random
from typing import Any

import torch
from torch import Tensor

from mmflamingo.prompts import Prompt, PromptTemplate

from ..language import FlamingoLMAdapter
from ..tokenizers import FlamingoTokenizer
from .ranking import log_likelihoods

MOST_LISTED = 8  # shots, of which all orders can be listed to draw from


def score_choices(
    adapter: FlamingoLMAdapter,
    tokenizer: FlamingoTokenizer,
    visual_tokens: Tensor,
    grey: Tensor,
    prompts: Sequence[Prompt],
    samples: Sequence,
    template: PromptTemplate,
) -> list[Tensor]:
    """Scores of the `choices` of samples, the higher the likelier.

    Args:
        adapter: The language model.
        tokenizer: Its tokenizer.
        visual_tokens: (B, M, K, D), of all media; a sample's real ones come first.
        grey: (K, D), visual tokens of a grey picture.
        prompts: B prompts.
        samples: B samples with `choices` and `sample_id`.
        template: Theirs; says how choices are compared, and its rule for white space holds for them too.

    Returns:
        list[Tensor]: For each sample, float32 (C,), as long as its choices.

    Raises:
        ValueError: Choices can't be told apart, see `FlamingoTokenizer.tokenize_choices`, or scores are not finite.
    """
    ranking = template.ranking
    candidates = [
        candidates_of(sample, prompt, tokenizer, template) for sample, prompt in zip(samples, prompts, strict=True)
    ]
    lengths = [torch.tensor([len(ids) for ids in own], device=visual_tokens.device) for own in candidates]
    orders = [
        shot_orders(len(prompt.chunks) - 1, ranking.permutations, sample.get('sample_id'))
        for sample, prompt in zip(samples, prompts, strict=True)
    ]
    totals = [torch.zeros(len(own), device=visual_tokens.device) for own in candidates]

    def add(views: Sequence[tuple[int, Prompt, Tensor]], weight: float) -> None:
        numbers, texts, media = zip(*views, strict=True)
        batch = tokenizer.pad([tokenizer.tokenize(text) for text in texts], train=False)
        ids, mask = (batch[name].to(visual_tokens.device) for name in ('input_ids', 'attention_mask'))
        scores = log_likelihoods(
            adapter,
            torch.stack(media),
            ids,
            mask,
            [candidates[b] for b in numbers],
            sample_ids=[samples[b].get('sample_id') for b in numbers],
        )
        for b, own in zip(numbers, scores, strict=True):
            totals[b] += weight * (own / lengths[b] if ranking.normalize else own) / len(orders[b])

    for turn in range(max(map(len, orders))):
        views = [
            (b, *_rearranged(prompts[b], visual_tokens[b], own[turn]))
            for b, own in enumerate(orders)
            if turn < len(own)
        ]
        add(views, 1.0)
        if ranking.calibrate:
            add([(b, *_without_content(prompt, media, grey)) for b, prompt, media in views], -1.0)
    return totals


def candidates_of(
    sample: Any, prompt: Prompt, tokenizer: FlamingoTokenizer, template: PromptTemplate
) -> list[tuple[int, ...]]:
    """Token ids of each of a sample's `choices`, as `FlamingoTokenizer.tokenize_choices` gives them.

    Raises:
        ValueError: Choices can't be told apart; names the sample.
    """
    ranking = template.ranking
    try:
        choices = [template.clean(choice) for choice in sample.get('choices')]
        return tokenizer.tokenize_choices(prompt, choices, ranking.with_end, ranking.in_context)
    except ValueError as error:
        raise ValueError(f'Sample {sample.get("sample_id")!r}: {error}') from error


def shot_orders(num_shots: int, count: int, sample_id: int | str) -> list[tuple[int, ...]]:
    """Orders of shots, all different, as they are first; a sample's are the same in every run."""
    as_they_are = tuple(range(num_shots))
    rng = Random(f'orders-{sample_id}')
    if num_shots <= MOST_LISTED:
        others = list(islice(permutations(as_they_are), 1, None))
        return [as_they_are, *rng.sample(others, min(count, factorial(num_shots)) - 1)]
    drawn = {as_they_are: None}
    while len(drawn) < count:
        drawn[tuple(rng.sample(as_they_are, num_shots))] = None
    return list(drawn)


def _num_media(prompt: Prompt) -> list[int]:
    """How many media each example has, the query last."""
    return [chunk.num_images for chunk in prompt.chunks]


def _rearranged(prompt: Prompt, media: Tensor, order: Sequence[int]) -> tuple[Prompt, Tensor]:
    """A prompt and its media (M, K, D) with the shots in another order."""
    counts = _num_media(prompt)
    *shots, query = torch.arange(len(media), device=media.device)[: sum(counts)].split(counts)
    filling = torch.arange(sum(counts), len(media), device=media.device)
    places = torch.cat([*(shots[shot] for shot in order), query, filling])
    return prompt.with_shots_in(order), media[places]


def _without_content(prompt: Prompt, media: Tensor, grey: Tensor) -> tuple[Prompt, Tensor]:
    """A prompt and its media with a query about nothing."""
    counts = _num_media(prompt)
    media = media.clone()
    media[sum(counts[:-1]) : sum(counts)] = grey
    return prompt.content_free(), media
