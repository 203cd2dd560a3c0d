"""Accuracy, top-k and ROC-AUC against tables worked by hand and against all pairs."""

from random import Random

import pytest

from mmflamingo.evaluation import ROCAUC, AnswerMatch, ChoiceAccuracy
from mmflamingo.evaluation.choices import roc_auc


def sample(number, scores, right, **fields):
    choices = [f'choice {n}' for n in range(len(scores))]
    return {'sample_id': number, 'choices': choices, 'choice_scores': scores, 'gt_choice': right, **fields}


def score(metric, samples):
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_top_k():
    samples = [
        sample(1, [0.1, 0.7, 0.2], 1),
        sample(2, [0.1, 0.7, 0.2], 2),
        sample(3, [0.1, 0.7, 0.2], 0),
        sample(4, [0.5, 0.5, 0.5], 1),  # a tie goes to the first
    ]
    metric = ChoiceAccuracy(topk=(1, 2))
    assert score(metric, samples) == {'acc': 25, 'acc_top2': 75}
    assert metric.sample_scores[4] == {'acc': 0, 'acc_top2': 100}


def test_groups_and_their_mean():
    samples = [sample(n, [1.0, 0.0], int(n > 2), question_type='seq' if n else 'int') for n in range(4)]
    by = {'by': 'question_type'}
    assert score(ChoiceAccuracy(**by), samples) == {'acc': 75, 'acc/int': 100, 'acc/seq': pytest.approx(200 / 3)}
    assert score(ChoiceAccuracy(**by, mean_of_groups=True), samples)['acc'] == pytest.approx(500 / 6)


@pytest.mark.parametrize('right', [None, 3, -1])
def test_a_sample_without_a_right_choice_is_named(right):
    with pytest.raises(ValueError, match="sample 7 has no 'gt_choice'"):
        ChoiceAccuracy().process(None, [sample(7, [0.0, 1.0], right)])


def test_roc_auc_is_the_share_of_pairs_in_the_right_order():
    rng = Random(0)
    positives = [rng.choice([0.1, 0.2, 0.3, rng.random()]) for _ in range(60)]
    negatives = [rng.choice([0.1, 0.2, 0.3, rng.random() - 0.2]) for _ in range(40)]
    pairs = [(p > n) + (p == n) / 2 for p in positives for n in negatives]
    assert roc_auc(positives, negatives) == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)


def test_roc_auc_metric():
    # scikit-learn's example: roc_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) = 0.75
    margins, labels = [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]
    samples = [
        {'sample_id': n, 'choices': ['no', 'yes'], 'choice_scores': [0.0, m], 'gt_choice': right}
        for n, (m, right) in enumerate(zip(margins, labels, strict=True))
    ]
    assert score(ROCAUC(), samples) == {'roc_auc': 75}
    with pytest.raises(ValueError, match='2 samples are positive and 0 negative'):
        score(ROCAUC(), samples[2:])
    with pytest.raises(ValueError, match="must be two, one of them 'hateful'"):
        ROCAUC(positive='hateful').process(None, samples)


@pytest.mark.parametrize(
    ('prediction', 'answers', 'settings', 'expected'),
    [
        ('Dog', ['dog'], {}, 100),
        ('the dog', ['dog'], {}, 0),
        ('the dog', ['dog'], {'normalize': True}, 100),
        ('saw', ['saw', 'axe', 'axe', 'axe', 'knife'], {'full_credit': 2}, 50),
        ('axe', ['saw', 'axe', 'axe', 'axe', 'knife'], {'full_credit': 2}, 100),
        ('axe', ['axe', 'axe'] + ['saw'] * 8, {'full_credit': 3}, 200 / 3),
    ],
)
def test_answer_match(prediction, answers, settings, expected):
    samples = [{'sample_id': 1, 'pred_answer': prediction, 'gt_answer': answers}]
    assert score(AnswerMatch(**settings), samples) == {'acc': pytest.approx(expected)}
