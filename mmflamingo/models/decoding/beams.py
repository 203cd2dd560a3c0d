"""The beams of a search: which are kept, which are finished, which is best."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NEVER = -1e9  # added to the score of a beam that ended, as Hugging Face does
ROWS_A_THREAD = 4  # of logits; a row of 32,000 takes 128 KB


@dataclass(frozen=True)
class BeamSettings:
    """The settings of generation that this search knows.

    Attributes:
        length_penalty: A text's score is its log-likelihood divided by its length to this power.
        length_penalty_over: Which length that is. 'generated': all new tokens, as in transformers from 4.36 on. 'whole':
            the prompt, too, without padding and without the end token. This is the rule of transformers up to 4.35 for a
            sample alone; in a batch they counted the padding as well, so that a text depended on its batch.
    """

    num_beams: int
    max_new_tokens: int
    min_new_tokens: int = 0
    length_penalty: float = 1.0
    length_penalty_over: str = 'generated'
    early_stopping: bool | str = False


class Beams:
    """The n running beams of each sample, best first, and the n best of its finished texts.

    The order of what is computed, its start values and the heuristic that ends a sample are those of Hugging Face's
    `_beam_search`, or with `length_penalty_over='whole'` of its `BeamSearchScorer` before version 4.36; a sample that
    these would only drag along is finished here.

    Args:
        settings: Settings of the search.
        prompt_mask: (B, L), which tokens of the cache belong to the prompts.
        stop_token_ids: A text ends with one of these tokens.
        banned_token_ids: These tokens are never chosen.
        pad_token_id: Fills texts that ended early.
    """

    def __init__(
        self,
        settings: BeamSettings,
        prompt_mask: Tensor,
        stop_token_ids: Sequence[int],
        banned_token_ids: Sequence[int],
        pad_token_id: int,
    ) -> None:
        batch, n, steps = len(prompt_mask), settings.num_beams, settings.max_new_tokens
        self.settings = settings
        self.is_whole = settings.length_penalty_over == 'whole'
        self.stop_token_ids = prompt_mask.new_tensor(stop_token_ids)
        self.banned_token_ids = prompt_mask.new_tensor(banned_token_ids)
        texts = prompt_mask.new_full((batch, n, steps), pad_token_id)
        none = torch.full((batch, n), -torch.inf, device=texts.device)
        self.results = {
            'finished_texts': texts.clone(),
            'finished_lengths': texts.new_zeros(batch, n),
            'is_broken': texts.new_zeros(batch, dtype=torch.bool),
        }
        self.running = {  # of the samples that are still in the batch
            'samples': torch.arange(batch, device=texts.device),
            'prompt_mask': prompt_mask.bool(),
            'texts': texts,
            'scores': torch.zeros_like(none),
            'origins': texts.new_zeros(batch, n),
            'ancestors': torch.zeros((batch, n, n * steps), dtype=torch.bool, device=texts.device),
            'finished_texts': texts,
            'finished_lengths': self.results['finished_lengths'],
            'finished_scores': none,
            'is_improvable': ~self.results['is_broken'],
            'is_broken': self.results['is_broken'],
        }

    def extend(self, logits: Tensor, step: int) -> None:
        """Chooses the next token of every beam.

        Args:
            logits: (S, n, vocabulary), or (S, 1, vocabulary) after the prompt, where all beams are one.
            step: Number of tokens that were chosen before.
        """
        state, n = self.running, self.settings.num_beams
        is_last = step + 1 == self.settings.max_new_tokens
        # n of them go on even if each beam ends in every way it can; no beam gives more than this.
        count = max(2, 1 + len(self.stop_token_ids)) * n
        log_probs, tokens = self._likeliest(logits, step, min(count, logits.shape[-1]))
        state['is_broken'] = state['is_broken'] | log_probs.isnan().flatten(1).any(1)
        totals, places = (log_probs + state['scores'][:, : logits.shape[1], None]).flatten(1).topk(count)
        parents, tokens = places // log_probs.shape[-1], tokens.flatten(1).gather(1, places)
        texts = _pick(state['texts'], parents)
        texts[..., step] = tokens
        is_end = torch.isin(tokens, self.stop_token_ids) | (is_last and not self.is_whole)
        is_among_best = torch.arange(count, device=totals.device) < n
        # The whole rule does not count the end token.
        self._finish(texts, totals, is_end & is_among_best, step + 1, counted=step if self.is_whole else step + 1)

        state['scores'], order = (totals + is_end * NEVER).topk(n)
        state['texts'] = _pick(texts, order)
        state['origins'] = parents.gather(1, order)
        state['ancestors'] = _pick(state['ancestors'], state['origins'])
        beams = torch.arange(n, device=order.device)
        state['ancestors'][:, beams, step * n + beams] = True
        self._look_ahead(totals if self.is_whole else state['scores'], step + 1)
        if is_last and self.is_whole:
            self._finish(state['texts'], state['scores'], torch.ones_like(order, dtype=torch.bool), step + 1, step + 1)

    def unfinished(self) -> Tensor:
        """Places in the batch, 0 to S - 1, of the samples that can still get a better text."""
        return (~self._is_closed()).nonzero().flatten()

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

    def best(self) -> tuple[Tensor, Tensor]:
        """The best text of every sample, (B, T), and which samples (B,) met log-probabilities that are not numbers."""
        self._note_results()
        texts, lengths = (self.results[f'finished_{name}'][:, 0] for name in ('texts', 'lengths'))
        return texts[:, : int(lengths.max())], self.results['is_broken']

    def _likeliest(self, logits: Tensor, step: int, count: int) -> tuple[Tensor, Tensor]:
        """Log-probabilities and ids of the likeliest tokens of each beam, (S, n, count), from logits (S, n, vocabulary)."""
        rows = logits.flatten(0, 1)
        # On a CPU a few rows at once stay in its cache.
        at_once = ROWS_A_THREAD * torch.get_num_threads() if rows.device.type == 'cpu' else len(rows)
        best = []
        for some in rows.split(at_once):
            log_probs = some.float().log_softmax(-1)
            log_probs[:, self.banned_token_ids] = -torch.inf
            if step < self.settings.min_new_tokens:
                log_probs[:, self.stop_token_ids] = -torch.inf
            best.append(log_probs.topk(count))
        log_probs, tokens = (torch.cat(parts).unflatten(0, logits.shape[:2]) for parts in zip(*best, strict=True))
        return log_probs, tokens

    def _finish(self, texts: Tensor, totals: Tensor, is_new: Tensor, length: int, counted: int) -> None:
        """Takes new ones of the texts (S, candidates, steps) of this length among the best, where they are better.

        `counted` is the number of new tokens that the length penalty counts.
        """
        state, n = self.running, self.settings.num_beams
        scores = self._penalised(totals, counted).masked_fill(~is_new | self._is_closed()[:, None], -torch.inf)
        new = {'texts': texts, 'scores': scores, 'lengths': torch.full_like(is_new, length, dtype=torch.long)}
        merged = {name: torch.cat([state[f'finished_{name}'], tensor], dim=1) for name, tensor in new.items()}
        order = merged['scores'].topk(n).indices
        state.update({f'finished_{name}': _pick(tensor, order) for name, tensor in merged.items()})

    def _look_ahead(self, totals: Tensor, length: int) -> None:
        """Finds out whether the best of the totals (S, m), best first, could still beat the worst finished text."""
        if self.settings.early_stopping == 'never' and self.settings.length_penalty > 0:
            length = self.settings.max_new_tokens
        hoped_for = self._penalised(totals[:, 0:1], length)[:, 0]
        self.running['is_improvable'] = self.running['is_improvable'] & (hoped_for > self._worst())

    def _is_closed(self) -> Tensor:
        """Which samples (S,) take no more texts."""
        is_closed = ~self.running['is_improvable']
        if self.settings.early_stopping is True:
            is_closed = is_closed | (self._worst() > -torch.inf)
        return is_closed

    def _worst(self) -> Tensor:
        """Score (S,) of each sample's worst finished text; -inf as long as it has fewer than n."""
        return self.running['finished_scores'][:, -1]

    def _penalised(self, totals: Tensor, counted: int) -> Tensor:
        """Scores of texts with these log-likelihoods (S, m) and this many counted tokens."""
        if not self.is_whole:
            return totals / counted**self.settings.length_penalty
        lengths = self.running['prompt_mask'].sum(1, keepdim=True, dtype=torch.float64) + counted
        return (totals / lengths**self.settings.length_penalty).to(totals.dtype)

    def _note_results(self) -> None:
        for name, tensor in self.results.items():
            tensor[self.running['samples']] = self.running[name]


def _pick(beams: Tensor, order: Tensor) -> Tensor:
    """Beams (S, m, ...) in another order (S, n)."""
    order = order.view(*order.shape, *[1] * (beams.ndim - 2)).expand(*order.shape, *beams.shape[2:])
    return beams.gather(1, order)
