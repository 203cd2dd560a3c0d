import itertools
import random
from pathlib import Path

import pytest

from mmflamingo.engine.testing.dealing import deal, padding

BY_LENGTH = {'test_dataloader.batch_sampler': {'type': 'LengthBatchSampler', 'max_tokens': 60}}


@pytest.mark.parametrize('ranks', [1, 2, 3, 8])
def test_ranks_end_together(ranks):
    rng = random.Random(ranks)
    items = [rng.randint(1, 100) for _ in range(41)]
    dealt = deal(items, lambda item: item, ranks)
    assert sorted(itertools.chain(*dealt)) == sorted(items)
    loads = [sum(own) for own in dealt]
    assert max(loads) <= (4 / 3) * max(max(items), sum(items) / ranks), "Graham's bound"
    assert dealt == deal(items, lambda item: item, ranks), 'every rank has to come to the same'


def test_equal_items_go_round_in_their_order():
    assert deal('abcdefg', lambda _: 1, 3) == [['a', 'd', 'g'], ['b', 'e'], ['c', 'f']]
    assert deal([], len, 2) == [[], []]


def test_padding():
    lengths = [10, 40, 10, 40]
    assert padding([[0, 1], [2, 3]], lengths) == pytest.approx(60 / 160)
    assert padding([[0, 2], [1, 3]], lengths) == 0


@pytest.fixture
def by_length(toy_cfg, build_runner):
    """Builds a runner whose sample i has a prompt of 10 + i tokens."""
    import toy_parts

    def build(**overrides):
        runner = build_runner(toy_cfg, **BY_LENGTH, **overrides)
        runner.test_loop.dataloader.dataset.get_data_info = int
        runner.model.data_preprocessor.prompt_size = lambda index: (10 + index, 6)
        return runner

    assert len(toy_parts.ToyDataset()) == 13
    return build


def predictions(runner):
    return (Path(runner.log_dir) / 'predictions.jsonl').read_text()


@pytest.mark.parametrize('batch_size', [1, 4])
def test_the_same_scores_and_predictions_in_the_same_order(toy_cfg, build_runner, by_length, batch_size):
    plain = build_runner(toy_cfg, work_dir=f'{toy_cfg.work_dir}2')
    metrics = plain.test()
    runner = by_length(**{'test_dataloader.batch_size': batch_size})
    batches = []
    forward = runner.model.forward
    runner.model.forward = lambda inputs, **kwargs: (
        batches.append([int(x) for x in inputs]) or forward(inputs, **kwargs)
    )
    assert runner.test() == metrics and predictions(runner) == predictions(plain)
    assert list(itertools.chain(*batches)) == list(range(12, -1, -1))
    assert all(len(batch) * (10 + batch[0]) <= 60 for batch in batches)


def test_a_broken_run_goes_on(toy_cfg, build_runner, by_length):
    plain = build_runner(toy_cfg, work_dir=f'{toy_cfg.work_dir}2')
    metrics = plain.test()
    with pytest.raises(ValueError, match='sample 7 is beyond'):
        by_length(**{'model.fail_at': 7}).test()
    resumed = by_length(**{'model.fail_at': 7, 'test_cfg.resume': True, 'test_dataloader.batch_size': 4})
    resumed.model.fail_at = None
    assert resumed.test() == metrics and predictions(resumed) == predictions(plain)


def test_three_ranks_share_all_samples_by_cost(by_length, monkeypatch):
    loop = by_length(**{'test_dataloader.batch_size': 3}).test_loop
    sampler = loop.dataloader.batch_sampler
    sampler.use_lengths([10 + index for index in range(13)], written=6)
    monkeypatch.setattr('mmflamingo.engine.testing.loop.all_gather_object', lambda own: [own] * 3)
    dealt = []
    for rank in range(3):
        monkeypatch.setattr(loop.runner, '_rank', rank)
        monkeypatch.setattr(loop.runner, '_world_size', 3)
        dealt.append(loop._remaining_batches([]))
    assert sorted(index for own in dealt for batch in own for index in batch) == list(range(13))
    loads = [sum(map(sampler.cost, own)) for own in dealt]
    assert max(loads) - min(loads) <= max(sampler.cost(batch) for own in dealt for batch in own)
