"""A test set that its metrics cannot score is refused before anything is predicted."""

import pytest
from mmengine.dataset import ConcatDataset
from mmengine.evaluator import BaseMetric
from torch.utils.data import Dataset

from mmflamingo.engine.errors import RunError
from mmflamingo.engine.testing.references import check_references
from mmflamingo.evaluation import VQAAcc


class Questions(Dataset):
    def __init__(self, *references, first=0):
        self.references, self.first = references, first

    def __len__(self):
        return len(self.references)

    def get_query(self, index):
        return {'sample_id': self.first + index, 'gt_answer': self.references[index]}


class Wrapper(Dataset):
    def __init__(self, dataset):
        self.dataset = dataset


GOOD, BAD = Questions(['red'] * 10, first=10), Questions(['red'] * 10, ['red'])


def test_questions_with_too_few_references_are_named():
    check_references([VQAAcc()], GOOD)
    with pytest.raises(RunError, match=r'cannot be scored as test_evaluator says.\nVQAAcc: sample 1 has 1 references'):
        check_references([VQAAcc()], BAD)


@pytest.mark.parametrize('wrap', [Wrapper, lambda bad: ConcatDataset([GOOD, bad]), lambda bad: Wrapper(Wrapper(bad))])
def test_wrapped_sets_are_checked_too(wrap, monkeypatch):
    monkeypatch.setattr(ConcatDataset, '__init__', lambda self, datasets: setattr(self, 'datasets', datasets))
    check_references([VQAAcc()], wrap(Questions(['red'] * 10)))
    with pytest.raises(RunError, match='sample 1 has 1 references'):
        check_references([VQAAcc()], wrap(BAD))


def test_ids_that_come_twice_in_two_sets(monkeypatch):
    monkeypatch.setattr(ConcatDataset, '__init__', lambda self, datasets: setattr(self, 'datasets', datasets))
    with pytest.raises(RunError, match='more than one prediction for sample_id 10'):
        check_references([VQAAcc()], ConcatDataset([GOOD, Questions(['red'] * 10, first=10)]))


def test_other_sets_and_metrics_are_left_alone():
    class Other(BaseMetric):
        def process(self, data_batch, data_samples): ...
        def compute_metrics(self, results): ...

    check_references([Other()], BAD)
    check_references([VQAAcc()], [1, 2])
    with pytest.raises(RunError, match='no predictions'):
        check_references([VQAAcc()], Questions())
