import pytest
from mmengine.dataset import DefaultSampler

from mmflamingo.datasets import LengthBatchSampler

LENGTHS = [10, 40, 12, 11, 39, 100, 9]


def build(**settings):
    sampler = LengthBatchSampler(DefaultSampler(range(len(LENGTHS)), shuffle=False), **settings)
    sampler.use_lengths(LENGTHS, written=60)
    return sampler


@pytest.mark.parametrize(
    ('settings', 'batches'),
    [
        ({'batch_size': 3}, [[5, 1, 4], [2, 3, 0], [6]]),
        ({'batch_size': 3, 'max_tokens': 80}, [[5], [1, 4], [2, 3, 0], [6]]),
        ({'batch_size': 9, 'max_tokens': 48}, [[5], [1], [4], [2, 3, 0, 6]]),
        ({'batch_size': 9, 'max_tokens': 1}, [[5], [1], [4], [2], [3], [0], [6]]),
    ],
)
def test_batches_are_of_similar_length_and_within_both_limits(settings, batches):
    sampler = build(**settings)
    assert list(sampler) == list(sampler) == batches and len(sampler) == len(batches)


def test_cost_counts_padding_and_answers():
    assert build(batch_size=3).cost([2, 3, 0]) == 3 * (12 + 60)


def test_errors():
    with pytest.raises(ValueError, match='max_tokens=0 must be 1 or more'):
        build(batch_size=3, max_tokens=0)
    unprepared = LengthBatchSampler(DefaultSampler(range(3), shuffle=False), batch_size=2)
    with pytest.raises(ValueError, match='for test_dataloader and test_cfg.type'):
        list(unprepared)
