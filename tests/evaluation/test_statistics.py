import numpy as np
import pytest

from mmflamingo.evaluation.statistics import bootstrap_interval, paired_test


def test_interval_of_a_normal_sample_is_the_textbooks():
    scores = np.random.default_rng(1).normal(50, 10, 400)
    low, high = bootstrap_interval(scores)
    half = 1.96 * scores.std() / 20
    assert low == pytest.approx(scores.mean() - half, abs=0.15)
    assert high == pytest.approx(scores.mean() + half, abs=0.15)
    assert bootstrap_interval(scores) == (low, high)


def test_equal_scores_have_no_interval_and_none_are_an_error():
    assert bootstrap_interval([30.0] * 5) == (30.0, 30.0)
    with pytest.raises(ValueError, match='No interval from 0 scores'):
        bootstrap_interval([])


def test_p_of_a_small_set_by_hand():
    """Of the 2^5 signs of five equal differences two give a sum as large: p = 1/16."""
    assert paired_test([1, 2, 3, 4, 5], [0, 1, 2, 3, 4]) == pytest.approx(1 / 16, abs=0.01)


def test_p_is_symmetric_and_1_for_equal_runs():
    a, b = np.random.default_rng(0).normal(size=(2, 50))
    assert paired_test(a, b) == paired_test(b, a)
    assert paired_test(a, a) == 1
    assert paired_test(a, a + 1) < 0.001


@pytest.mark.parametrize('sizes', [(2, 3), (0, 0)])
def test_runs_on_other_samples(sizes):
    with pytest.raises(ValueError, match='needs the same samples'):
        paired_test([0.0] * sizes[0], [0.0] * sizes[1])


def test_false_alarms_are_as_rare_as_promised():
    rng = np.random.default_rng(2)
    alarms = sum(paired_test(*rng.normal(size=(2, 30))) < 0.1 for _ in range(60))
    assert alarms <= 14


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_scores_that_are_not_finite(bad):
    with pytest.raises(ValueError, match='1 of 3 scores are not finite, the first of them number 1'):
        bootstrap_interval([0.0, bad, 1.0])
    for pair in ([0.0, bad], [0.0, 1.0]), ([0.0, 1.0], [0.0, bad]), ([bad, 0.0], [bad, 0.0]):
        with pytest.raises(ValueError, match='1 of 2 scores are not finite'):
            paired_test(*pair)


def test_one_sample_has_no_interval():
    with pytest.raises(ValueError, match='No interval from 1 scores'):
        bootstrap_interval([50.0])
    assert paired_test([100.0], [0.0]) == 1


@pytest.mark.parametrize('level', [0, 1, 95, -0.1])
def test_a_level_lies_between_0_and_1(level):
    with pytest.raises(ValueError, match='must lie between 0 and 1'):
        bootstrap_interval([0.0, 1.0], level)
