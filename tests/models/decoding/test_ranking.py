"""Ranking equals reading the prompt with each candidate anew, and costs far less."""

import time
from random import Random

import pytest
import torch

from mmflamingo.models.decoding.ranking import log_likelihoods


def one_by_one(adapter, visual_tokens, input_ids, attention_mask, candidates):
    """The plain loop: no cache, no batch, no padding."""
    scores = []
    for b, own in enumerate(candidates):
        prompt = input_ids[b][attention_mask[b].bool()]
        for ids in own:
            whole = torch.cat([prompt, torch.tensor(ids)])[None]
            with torch.no_grad(), adapter.conditioned(visual_tokens[b : b + 1], len(prompt)):
                log_probs = adapter.lm(input_ids=whole, use_cache=False).logits[0].float().log_softmax(-1)
            steps = range(len(prompt) - 1, len(whole[0]) - 1)
            scores.append(sum(log_probs[step, whole[0, step + 1]] for step in steps))
    return torch.stack(scores).split([len(own) for own in candidates])


def draw_candidates(count, longest=8, seed=0):
    """Different ones of 1 to `longest` tokens; many begin alike."""
    rng, drawn = Random(seed), {}
    while len(drawn) < count:
        drawn[tuple(rng.choice([3, 4, 5, *range(6, 40)]) for _ in range(rng.randint(1, longest)))] = None
    return list(drawn)


@pytest.mark.parametrize('rows_per_pass', [5, 64])
def test_it_equals_the_plain_loop(family, adapter_of, batch, rows_per_pass):
    adapter = adapter_of(family)
    candidates = [draw_candidates(20), draw_candidates(7, seed=1)]
    expected = one_by_one(adapter, *batch, candidates)
    scores = log_likelihoods(adapter, *batch, candidates, rows_per_pass)
    for ours, theirs in zip(scores, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('media_index', ['preceding', 'following', 'preceding_blind_decoding'])
def test_candidates_see_what_generated_tokens_see(adapter_of, batch, media_index):
    adapter = adapter_of(media_index=media_index)
    candidates = [draw_candidates(6), draw_candidates(6)]
    scores = log_likelihoods(adapter, *batch, candidates)
    torch.testing.assert_close(scores, list(one_by_one(adapter, *batch, candidates)), atol=1e-5, rtol=1e-5)


def test_candidates_of_one_token_need_the_prompt_only(adapter_of, batch):
    adapter = adapter_of()
    calls = []
    adapter.lm.register_forward_hook(lambda *_: calls.append(1))
    log_likelihoods(adapter, *batch, [[(3,), (4,)], [(5,)]])
    assert len(calls) == 1


def test_common_beginnings_and_last_tokens_are_not_read_again(adapter_of, batch):
    adapter = adapter_of()
    shapes = []
    adapter.lm.register_forward_pre_hook(
        lambda _, args, kwargs: shapes.append(kwargs['input_ids'].shape), with_kwargs=True
    )
    labels = [[(3, 4, last) for last in range(5, 35)] + [(3,), (3, 4)]] * 2
    log_likelihoods(adapter, *batch, labels)
    assert shapes[1:] == [(2, 2)]  # a row of two tokens for each of the two prompts


def test_200_candidates_take_less_than_a_fifth_of_the_time_of_one_by_one(adapter_of, batch):
    adapter = adapter_of()
    visual_tokens, input_ids, mask = (x[:1] for x in batch)
    candidates = [draw_candidates(200)]

    def seconds(function):
        start = time.perf_counter()
        result = function(adapter, visual_tokens, input_ids, mask, candidates)
        return time.perf_counter() - start, result

    seconds(log_likelihoods)  # warm
    fast, scores = min((seconds(log_likelihoods) for _ in range(3)), key=lambda timed: timed[0])
    slow, expected = seconds(one_by_one)
    torch.testing.assert_close(scores, list(expected), atol=1e-5, rtol=1e-5)
    assert slow > 5 * fast
