import pytest
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset
from mmengine.runner.runner import _SlicedDataset
from torch.utils.data import ConcatDataset as TorchConcatDataset
from torch.utils.data import Subset

from mmflamingo.datasets import FlamingoDataset, InterleavedDataset
from mmflamingo.datasets.members import members
from mmflamingo.datasets.shots.controls import ShuffledPictures


class Numbers(FlamingoDataset):
    task = 'caption'

    def load_data_list(self):
        return [{'sample_id': i, 'image_id': i, 'img_path': f'{i}.png', 'caption': 'text'} for i in range(4)]

    def get_cat_ids(self, idx):
        return [idx]

    def choose_output(self, record, rng, group=None):
        return record['caption'], None

    def as_shot(self, record, output):
        return record

    def has_output(self, record):
        return True


class Users:
    """A wrapper as a user may write it."""

    def __init__(self, *parts):
        self.first, self.others = parts[0], tuple(parts[1:])


@pytest.fixture
def sets():
    return Numbers(), Numbers()


@pytest.mark.parametrize(
    'wrap',
    [
        lambda a, b: ConcatDataset([a, b]),
        lambda a, b: TorchConcatDataset([a, RepeatDataset(b, 2)]),
        lambda a, b: RepeatDataset(dict(type='ConcatDataset', datasets=[a, b], _scope_='mmengine'), 3),
        lambda a, b: Subset(TorchConcatDataset([ShuffledPictures(a), ClassBalancedDataset(b, 0.5)]), [0]),
        lambda a, b: _SlicedDataset(ConcatDataset([a, b, a]), 2),
        lambda a, b: Users(a, ShuffledPictures(b), a),
        lambda a, b: InterleavedDataset([a, {'dataset': b, 'num_shots': (1,)}]),
    ],
)
def test_any_wrapper_gives_its_sets_once(sets, wrap):
    assert [id(member) for member in members(wrap(*sets))] == [id(part) for part in sets]


def test_a_set_that_wraps_none_is_its_own_member(sets):
    numbers = [1, 2]
    assert list(members(sets[0])) == [sets[0]] and list(members(numbers)) == [numbers]


def test_wrappers_may_hold_shuffled_pictures(sets):
    """mmengine's ConcatDataset has its sets read their files."""
    inner = dict(type='ShuffledPictures', dataset=sets[0], _scope_='mmflamingo')
    assert len(ConcatDataset([inner, sets[1]])) == 8
