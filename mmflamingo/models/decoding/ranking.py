"""Close-ended prediction: how likely is each of several given texts after a prompt?"""

import copy
import math
from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from ..language import FlamingoLMAdapter
from .finite import check_finite

Candidate = tuple[int, ...]


@torch.no_grad()
def log_likelihoods(
    adapter: FlamingoLMAdapter,
    visual_tokens: Tensor,
    input_ids: Tensor,
    attention_mask: Tensor,
    candidates: Sequence[Sequence[Candidate]],
    rows_per_pass: int = 64,
    sample_ids: Sequence[Hashable] | None = None,
) -> list[Tensor]:
    """Log-likelihoods of candidates, each as what follows a prompt that media are part of.

    Equal to running the language model on the prompt and each candidate, but the prompt is read once, its key-value
    cache serves all candidates, tokens that candidates begin with in common are read once, and the last token of a
    candidate not at all.

    Args:
        adapter: The language model.
        visual_tokens: (B, M, K, D), output of the resampler.
        input_ids: (B, L), padded on the left.
        attention_mask: (B, L), 1 for text and 0 for padding.
        candidates: For each of the B prompts, token ids of its candidates, at least one each. Equal ones are read once
            and get equal scores.
        rows_per_pass: Most rows that the language model runs with at a time, each with a copy of the prompt's cache.
        sample_ids: B ids, for messages; None for their numbers in the batch.

    Returns:
        list[Tensor]: For each prompt, float32 (C,), sums over the tokens of each of its C candidates.

    Raises:
        ValueError: The scores of a sample are not finite.
    """
    batch = len(input_ids)
    tries = [_Trie(own) for own in candidates]
    first_of = torch.tensor([0, *(len(own) for own in candidates)]).cumsum(0).tolist()
    with adapter.conditioned(visual_tokens, input_ids.shape[1]):
        logits, cache = read(adapter, input_ids, attention_mask, logits_to_keep=1)
        log_probs = logits[:, -1].float().log_softmax(-1)
        scores = torch.cat([log_probs[b, [ids[0] for ids in own]] for b, own in enumerate(candidates)])

        num_rows = max(len(trie.rows) for trie in tries)
        num_passes = math.ceil(num_rows / max(1, rows_per_pass // batch))
        # The same number of rows in each pass: they go to the samples as in the pass before.
        width = math.ceil(num_rows / num_passes) if num_passes else 0
        for start in range(0, num_rows, width or 1):
            part = slice(start, start + width)
            ids = _pad([row for trie in tries for row in trie.padded_rows(part)]).to(input_ids.device)
            mask = torch.cat([attention_mask.repeat_interleave(width, 0), torch.ones_like(ids)], dim=1)
            rows_cache = copy.deepcopy(cache)
            rows_cache.batch_repeat_interleave(width)
            log_probs = read(adapter, ids, mask, rows_cache)[0].float().log_softmax(-1)
            targets = [
                (first_of[b] + candidate, b * width + row - start, position, token)
                for b, trie in enumerate(tries)
                for candidate, row, position, token in trie.targets
                if start <= row < start + width
            ]
            candidate, row, position, token = torch.tensor(targets, device=ids.device).T
            scores.index_add_(0, candidate, log_probs[row, position, token])
    found = scores.split([len(own) for own in candidates])
    is_finite = torch.stack([own.isfinite().all() for own in found])
    check_finite(is_finite, range(batch) if sample_ids is None else sample_ids)
    return list(found)


class _Trie:
    """Candidates as rows to read: the paths of their trie from the root, without the leaves.

    Attributes:
        rows: Token ids, short rows first.
        targets: For each token of the candidates but their first ones: number of the candidate, row and position where
            its likelihood is read, and the token.
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        paths = sorted({ids[:-1] for ids in candidates})
        # In this order what a path begins stands right after it.
        longest = [path for path, after in zip(paths, [*paths[1:], ()], strict=True) if after[: len(path)] != path]
        self.rows = sorted(longest, key=len)
        row_of = {path[:end]: row for row, path in enumerate(self.rows) for end in range(1, len(path) + 1)}
        self.targets = [
            (candidate, row_of[ids[:-1]], position, token)
            for candidate, ids in enumerate(candidates)
            for position, token in enumerate(ids[1:])
        ]

    def padded_rows(self, part: slice) -> list[Candidate]:
        """These rows, with empty ones where there are none."""
        rows = self.rows[part]
        return rows + [()] * (part.stop - part.start - len(rows))


def _pad(rows: Sequence[Candidate]) -> Tensor:
    """(R, T) with 0 after shorter rows; no likelihood is read there, and nothing before it sees it."""
    length = max(map(len, rows))
    return torch.tensor([row + (0,) * (length - len(row)) for row in rows])


def read(
    adapter: FlamingoLMAdapter,
    input_ids: Tensor,
    attention_mask: Tensor,
    cache: object = None,
    logits_to_keep: int = 0,
) -> tuple[Tensor, object]:
    """Logits of tokens that follow those in a cache, and the cache with them; all logits for 0 to keep."""
    kwargs = {adapter.cache_argument: cache}
    if 'position_ids' in adapter.lm_arguments:
        kwargs['position_ids'] = (attention_mask.cumsum(-1) - 1).clamp(min=0)[:, -input_ids.shape[1] :]
    if logits_to_keep and 'logits_to_keep' in adapter.lm_arguments:
        kwargs['logits_to_keep'] = logits_to_keep
    out = adapter.lm(input_ids=input_ids, attention_mask=attention_mask, use_cache=True, **kwargs)
    return out.logits, out[adapter.cache_argument]
