"""Queries that no model can read whole, and shots that are left out, are reported."""

from types import SimpleNamespace

import pytest

from mmflamingo.engine.errors import RunError
from mmflamingo.engine.testing.prompt_limits import check_queries


class Queries:
    def __init__(self, lengths):
        self.lengths = lengths

    def __len__(self):
        return len(self.lengths)

    def get_query(self, index):
        return self.lengths[index]


def model(most):
    find_excess = lambda length: f'one of {length} tokens' if length > most else None  # noqa: E731
    return SimpleNamespace(data_preprocessor=SimpleNamespace(find_excess=find_excess))


def test_all_that_are_too_long_are_listed_before_the_run():
    check_queries(model(20), Queries(range(21)))
    with pytest.raises(RunError, match=r'^3 of 20 queries are too long:\n  one of 17 tokens\n  one of 18 tokens\n'):
        check_queries(model(16), Queries(range(20)))
    with pytest.raises(RunError, match=r'one of 9 tokens\n  and 10 more$'):
        check_queries(model(-1), Queries(range(20)))


@pytest.mark.parametrize('other', [SimpleNamespace(), SimpleNamespace(data_preprocessor=None)])
def test_other_models_and_datasets_are_not_checked(other):
    check_queries(other, Queries([99]))
    check_queries(model(0), [1, 2])
