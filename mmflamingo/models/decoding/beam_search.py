"""Beam search in which the beams of a sample share its prompt.

It finds what Hugging Face's `generate` finds, token for token. That one runs every beam as a row of its own: the prompt
B * n times, and the keys and values of all rows copied whenever beams change places. Here a sample is one row. Its n
beams stand side by side behind the prompt, as a tree of tokens, and the attention mask shows each token its own
ancestors:

    prompt . . . . | a1 b1 c1 | a2 b2 c2 |          a2 continues b1: it sees the prompt, b1 and itself

So the prompt is read once, nothing ever moves, and beams that change places only change the mask. Samples that are
finished leave the batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from ..language import FlamingoLMAdapter
from .kv_cache import ReservedCache, holds_a_tree

NEVER = -1e9  # added to the score of what must not be chosen, as Hugging Face does
ROWS_A_THREAD = 4  # of logits; a row of 32,000 takes 128 KB
STEPS_A_LOOK = {'cpu': 1, 'cuda': 4}  # from one look at which samples are finished, which waits for a GPU, to the next
LEAVE_AT = 0.75  # finished samples leave the batch when so few go on; each time costs a copy of the cache


@dataclass(frozen=True)
class BeamSettings:
    """The fields of Hugging Face's GenerationConfig that this search knows."""

    num_beams: int
    max_new_tokens: int
    min_new_tokens: int = 0
    length_penalty: float = 1.0
    early_stopping: bool | str = False
    num_return_sequences: int = 1


def can_search(adapter: FlamingoLMAdapter, settings: Mapping[str, Any]) -> bool:
    """Whether `beam_search` knows these settings and can run this language model."""
    names = {field.name for field in fields(BeamSettings)}
    is_known = {'num_beams', 'max_new_tokens'} <= settings.keys() <= names
    return is_known and settings['num_beams'] > 1 and holds_a_tree(adapter.lm)


def beam_search(
    adapter: FlamingoLMAdapter,
    visual_tokens: Tensor,
    input_ids: Tensor,
    attention_mask: Tensor,
    stop_token_ids: Sequence[int],
    pad_token_id: int,
    settings: BeamSettings,
) -> Tensor:
    """Continues prompts that media are part of; arguments and result as in `generate`."""
    length = input_ids.shape[1]
    steps_a_look = STEPS_A_LOOK.get(input_ids.device.type, STEPS_A_LOOK['cuda'])
    cache = ReservedCache(length + settings.num_beams * (settings.max_new_tokens - 1))
    with adapter.conditioned(visual_tokens, length) as media:
        logits, prompt_mask = read_prompts(adapter, cache, input_ids, attention_mask)
        beams = Beams(settings, prompt_mask, stop_token_ids, adapter.image_token_id, pad_token_id)
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


def read_prompts(
    adapter: FlamingoLMAdapter, cache: ReservedCache, input_ids: Tensor, attention_mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Fills the cache with prompts; text that all of them begin with is read only once.

    Returns:
        Logits after the prompts, (B, 1, vocabulary), and the mask (B, L) of the cache's tokens: padding now stands
        behind the common beginning.
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


class Beams:
    """The n running beams of each sample, best first, and the n best of its finished texts.

    The order of what is computed, its start values and the heuristic that ends a sample are those of Hugging Face's
    `_beam_search`; a sample that it would only drag along is finished here.

    Args:
        settings: Settings of the search.
        prompt_mask: (B, L), which tokens of the cache belong to the prompts.
        stop_token_ids: A text ends with one of these tokens.
        banned_token_id: This token is never chosen.
        pad_token_id: Fills texts that ended early.
    """

    def __init__(
        self,
        settings: BeamSettings,
        prompt_mask: Tensor,
        stop_token_ids: Sequence[int],
        banned_token_id: int,
        pad_token_id: int,
    ) -> None:
        batch, n, steps = len(prompt_mask), settings.num_beams, settings.max_new_tokens
        self.settings = settings
        self.stop_token_ids = prompt_mask.new_tensor(stop_token_ids)
        self.banned_token_id = banned_token_id
        texts = prompt_mask.new_full((batch, n, steps), pad_token_id)
        never = torch.full((batch, n), NEVER, device=texts.device)
        self.results = {'texts': texts.clone(), 'lengths': texts.new_zeros(batch, n)}
        self.running = {  # of the samples that are still in the batch
            'samples': torch.arange(batch, device=texts.device),
            'prompt_mask': prompt_mask.bool(),
            'texts': texts,
            'scores': torch.zeros_like(never),
            'ancestors': torch.zeros((batch, n, n * steps), dtype=torch.bool, device=texts.device),
            'finished_texts': texts,
            'finished_lengths': self.results['lengths'],
            'finished_scores': never,
            'is_finished': never == 0,
            'is_improvable': (never < 0).any(1),
        }

    def extend(self, logits: Tensor, step: int) -> None:
        """Chooses the next token of every beam.

        Args:
            logits: (S, n, vocabulary), or (S, 1, vocabulary) after the prompt, where all beams are one.
            step: Number of tokens that were chosen before.
        """
        state, n = self.running, self.settings.num_beams
        # So many that n of them go on even if each beam ends in every way it can; no beam gives more than so many.
        count = max(2, 1 + len(self.stop_token_ids)) * n
        log_probs, tokens = self._likeliest(logits, step, min(count, logits.shape[-1]))
        totals, places = (log_probs + state['scores'][:, : logits.shape[1], None]).flatten(1).topk(count)
        parents, tokens = places // log_probs.shape[-1], tokens.flatten(1).gather(1, places)
        texts = _pick(state['texts'], parents)
        texts[..., step] = tokens
        is_end = torch.isin(tokens, self.stop_token_ids) | (step + 1 == self.settings.max_new_tokens)
        self._finish(texts, totals, is_end, step + 1)

        state['scores'], order = (totals + is_end * NEVER).topk(n)
        state['texts'] = _pick(texts, order)
        state['ancestors'] = _pick(state['ancestors'], parents.gather(1, order))
        beams = torch.arange(n, device=order.device)
        state['ancestors'][:, beams, step * n + beams] = True
        self._look_ahead(step + 1)

    def unfinished(self) -> Tensor:
        """Places in the batch, 0 to S - 1, of the samples that can still get a better text."""
        is_open = self.running['is_improvable']
        if self.settings.early_stopping is True:
            is_open = is_open & ~self.running['is_finished'].all(1)
        return is_open.nonzero().flatten()

    def keep(self, places: Tensor) -> None:
        """Goes on with the samples at these places only."""
        self._note_results()
        self.running = {name: tensor[places] for name, tensor in self.running.items()}

    def next_tokens(self, step: int) -> dict[str, Tensor]:
        """The tokens of this step as the language model takes them, one row a sample."""
        prompt_mask, ancestors = self.running['prompt_mask'], self.running['ancestors']
        n = ancestors.shape[1]
        mask = torch.cat([prompt_mask[:, None].expand(-1, n, -1), ancestors[..., : n * (step + 1)]], dim=-1)
        return {
            'input_ids': self.running['texts'][..., step],
            'position_ids': (prompt_mask.sum(1, keepdim=True) + step).expand(-1, n),
            'attention_mask': mask[:, None],
        }

    def best(self) -> Tensor:
        """(B, T), the best text of every sample; (B * m, T) with `num_return_sequences=m`."""
        self._note_results()
        texts, lengths = (self.results[name][:, : self.settings.num_return_sequences] for name in ('texts', 'lengths'))
        return texts.flatten(0, 1)[:, : int(lengths.max())]

    def _likeliest(self, logits: Tensor, step: int, count: int) -> tuple[Tensor, Tensor]:
        """Log-probabilities and ids of the likeliest tokens of each beam, (S, n, count), from logits (S, n, vocabulary)."""
        rows = logits.flatten(0, 1)
        # On a CPU a few rows at once stay in its cache.
        at_once = ROWS_A_THREAD * torch.get_num_threads() if rows.device.type == 'cpu' else len(rows)
        best = []
        for some in rows.split(at_once):
            log_probs = some.float().log_softmax(-1)
            log_probs[:, self.banned_token_id] = -torch.inf
            if step < self.settings.min_new_tokens:
                log_probs[:, self.stop_token_ids] = -torch.inf
            best.append(log_probs.topk(count))
        log_probs, tokens = (torch.cat(parts).unflatten(0, logits.shape[:2]) for parts in zip(*best, strict=True))
        return log_probs, tokens

    def _finish(self, texts: Tensor, totals: Tensor, is_end: Tensor, length: int) -> None:
        """Takes ended texts, (S, candidates, steps), among the best ones where they are better."""
        state, n = self.running, self.settings.num_beams
        scores = totals / length**self.settings.length_penalty
        is_closed = ~state['is_improvable']
        if self.settings.early_stopping is True:
            is_closed = is_closed | state['is_finished'].all(1)
        is_new = is_end & (torch.arange(is_end.shape[1], device=is_end.device) < n)
        scores = scores + NEVER * (~is_new | is_closed[:, None])
        new = {'texts': texts, 'scores': scores, 'lengths': torch.full_like(is_end, length, dtype=torch.long)}
        merged = {name: torch.cat([state[f'finished_{name}'], tensor], dim=1) for name, tensor in new.items()}
        order = merged['scores'].topk(n).indices
        state.update({f'finished_{name}': _pick(tensor, order) for name, tensor in merged.items()})
        state['is_finished'] = _pick(torch.cat([state['is_finished'], is_new], dim=1), order)

    def _look_ahead(self, length: int) -> None:
        """Finds out whether the best running beam could still beat the worst finished text."""
        state, penalty = self.running, self.settings.length_penalty
        if self.settings.early_stopping == 'never' and penalty > 0:
            length = self.settings.max_new_tokens
        hoped_for = state['scores'][:, :1] / length**penalty
        worst = torch.where(state['is_finished'], state['finished_scores'].amin(1, keepdim=True), NEVER)
        state['is_improvable'] = state['is_improvable'] & (hoped_for > worst).any(1)

    def _note_results(self) -> None:
        for name, tensor in self.results.items():
            tensor[self.running['samples']] = self.running[f'finished_{name}']


def _pick(beams: Tensor, order: Tensor) -> Tensor:
    """Beams (S, m, ...) in another order (S, n)."""
    order = order.view(*order.shape, *[1] * (beams.ndim - 2)).expand(*order.shape, *beams.shape[2:])
    return beams.gather(1, order)
