"""Rank candidates after a prompt of flamingo-tiny by the cache and the trie, and one at a time; print how they compare.

    python tools/dev/ranking_speed.py [--candidates 200] [--longest 8] [--shots 4] [--repeats 3]

Candidates are random tokens, 1 to `longest` each. Prints the seconds of both ways (of the fast one the best of the
repeats), their ratio and the largest difference between their log-likelihoods.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from random import Random

import torch
from torch import Tensor

from mmflamingo.engine.config.cli import load_config
from mmflamingo.engine.config.metafile import find_weights
from mmflamingo.engine.loading.safe import read_checkpoint
from mmflamingo.models.decoding.ranking import Candidate, log_likelihoods
from mmflamingo.models.language import FlamingoLMAdapter
from mmflamingo.registry import DATASETS, MODELS

CONFIG = 'configs/flamingo/flamingo-tiny_fewshot_vqa.py'


@torch.no_grad()
def one_at_a_time(
    adapter: FlamingoLMAdapter,
    visual_tokens: Tensor,
    input_ids: Tensor,
    attention_mask: Tensor,
    candidates: Sequence[Sequence[Candidate]],
) -> list[Tensor]:
    """What `log_likelihoods` gives, by reading the prompt with each candidate anew."""
    scores = []
    for b, own in enumerate(candidates):
        prompt = input_ids[b][attention_mask[b].bool()]
        for ids in own:
            whole = torch.cat([prompt, torch.tensor(ids)])[None]
            with adapter.conditioned(visual_tokens[b : b + 1], len(prompt)):
                logits = adapter.lm(input_ids=whole, use_cache=False).logits[0, len(prompt) - 1 : -1]
            scores.append(logits.float().log_softmax(-1).gather(1, torch.tensor(ids)[:, None]).sum())
    return list(torch.stack(scores).split([len(own) for own in candidates]))


def draw_candidates(count: int, longest: int, vocabulary: int) -> list[Candidate]:
    """Different random candidates."""
    rng, drawn = Random(0), {}
    while len(drawn) < count:
        drawn[tuple(rng.randrange(5, vocabulary) for _ in range(rng.randint(1, longest)))] = None
    return list(drawn)


def best_of(repeats: int, function: Callable, *args) -> tuple[float, list[Tensor]]:
    """The least seconds that a function takes, and what it returns."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function(*args)
        times.append(time.perf_counter() - start)
    return min(times), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--candidates', type=int, default=200, help='how many candidates [200]')
    parser.add_argument('--longest', type=int, default=8, help='most tokens of a candidate [8]')
    parser.add_argument('--shots', type=int, default=4, help='shots of the prompt [4]')
    parser.add_argument('--repeats', type=int, default=3, help='take the best of so many times, of the fast way [3]')
    args = parser.parse_args()

    cfg = load_config(CONFIG, {'test_dataloader.dataset.num_shots': args.shots})
    model = MODELS.build(cfg.model).eval()
    state = read_checkpoint(find_weights(CONFIG))['state_dict']
    model.load_state_dict({key: value.float() for key, value in state.items()})
    sample = DATASETS.build(cfg.test_dataloader.dataset)[0]
    batch = model.data_preprocessor({key: [value] for key, value in sample.items()})
    with torch.no_grad():
        visual_tokens = model.encode_media(batch['images'], batch['num_media'])
    candidates = [draw_candidates(args.candidates, args.longest, model.tokenizer.base_vocab_size)]

    inputs = model.language_model, visual_tokens, batch['input_ids'], batch['attention_mask'], candidates
    fast, scores = best_of(args.repeats, log_likelihoods, *inputs)
    slow, expected = best_of(1, one_at_a_time, *inputs)
    difference = (scores[0] - expected[0]).abs().max().item()
    print(f'{args.candidates} candidates of 1 to {args.longest} tokens after {batch["input_ids"].shape[1]} tokens')
    print(f'together {fast:.3f} s, one at a time {slow:.3f} s: {slow / fast:.1f} x faster')
    print(f'largest difference of a log-likelihood: {difference:.1e}')


if __name__ == '__main__':
    main()
