"""Accuracy, top-k and ROC-AUC against tables worked by hand and against all pairs."""

from random import Random

import pytest

from mmflamingo.evaluation import ROCAUC, AnswerMatch, ChoiceAccuracy, NExTQAAccuracy, VQAAcc
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
    with pytest.raises(ValueError, match="sample 7 has (no )?'gt_choice'"):
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


@pytest.mark.parametrize('bad', [float('nan'), float('inf'), -float('inf'), None, '0.5', True, 10**400])
@pytest.mark.parametrize('metric', [ChoiceAccuracy(), ROCAUC(positive='choice 0')])
def test_scores_that_are_not_finite_name_the_sample(metric, bad):
    with pytest.raises(ValueError, match=r"sample 7 has 'choice_scores'.* must be a list of 2 finite numbers"):
        metric.process(None, [sample(7, [0.5, bad], 0)])


@pytest.mark.parametrize('metric', [VQAAcc(), AnswerMatch()])
def test_answers_that_were_ranked_by_nan_are_not_scored(metric):
    ranked = sample(7, [float('nan')] * 2, 0, pred_answer='red', gt_answer=['red'] * 10)
    with pytest.raises(ValueError, match='sample 7 has .*choice_scores.* finite'):
        metric.process(None, [ranked])


@pytest.mark.parametrize('scores', [[], None, [0.1], [0.1, 0.2, 0.3], '0.1', {0: 0.1, 1: 0.2}])
def test_other_numbers_of_scores_than_of_choices(scores):
    bad = {**sample(7, [0.1, 0.2], 0), 'choice_scores': scores}
    with pytest.raises(ValueError, match="sample 7 has (no )?'choice_scores'"):
        ChoiceAccuracy().process(None, [bad])


@pytest.mark.parametrize('value', [True, 1.0, '1', [1]])
def test_the_right_choice_is_a_whole_number(value):
    with pytest.raises(ValueError, match="'gt_choice' = .*must be a number from 0 to 1"):
        ChoiceAccuracy().process(None, [sample(7, [0.1, 0.2], value)])


def test_roc_auc_of_nan_or_of_nothing_is_an_error():
    for positives, negatives in ([float('nan')], [0.0]), ([0.0], [float('nan')]), ([], [0.0]), ([0.0], []):
        with pytest.raises(ValueError, match='both kinds, none of them NaN'):
            roc_auc(positives, negatives)


def test_roc_auc_needs_two_different_choices():
    same = {'sample_id': 1, 'choices': ['yes', 'yes'], 'choice_scores': [0.0, 1.0], 'gt_choice': 1}
    with pytest.raises(ValueError, match='there must be two, one of them'):
        ROCAUC().process(None, [same])


@pytest.mark.parametrize('topk', [(), 0, (1, 0), (1.0,), True, ('1',)])
def test_topk_is_at_least_one(topk):
    with pytest.raises(ValueError, match='must be a whole number from 1'):
        ChoiceAccuracy(topk=topk)


def test_a_group_that_no_sample_has_is_a_failure_beside_the_score():
    metric = ChoiceAccuracy(by='color')
    assert score(metric, [sample(1, [1.0, 0.0], 0)]) == {'acc': 100}
    assert metric.failures == {'by=color': "no sample has a field 'color'"}
    with pytest.raises(ValueError, match="sample 1 has no 'color'.*mean_of_groups"):
        ChoiceAccuracy(by='color', mean_of_groups=True).process(None, [sample(1, [1.0, 0.0], 0)])
    with pytest.raises(ValueError, match="'color' = .*must be a text or a whole number"):
        metric.process(None, [sample(1, [1.0, 0.0], 0, color=['red'])])


def test_nextqa_by_type_as_its_script_has_it():
    """TP counts as TN, and families have their own accuracies: the rule of eval_mc.py, written down again."""
    rng = Random(0)
    kinds = ['CW', 'CH', 'TN', 'TP', 'TC', 'DC', 'DL', 'DO']
    rows = [(rng.choice(kinds), rng.randrange(5), rng.randrange(5)) for _ in range(400)]
    samples = [
        sample(n, [float(place == said) for place in range(5)], right, question_type=kind)
        for n, (kind, right, said) in enumerate(rows)
    ]
    hits = {}
    for kind, right, said in rows:
        kind = 'TN' if kind == 'TP' else kind
        for name in 'acc', f'acc/{kind[0]}', f'acc/{kind}':
            hits.setdefault(name, []).append(right == said)
    expected = {name: 100 * sum(own) / len(own) for name, own in hits.items()}
    assert score(NExTQAAccuracy(), samples) == pytest.approx(expected)
    assert 'acc/TP' not in expected and set('CTD') == {name[-1] for name in expected if len(name) == len('acc/C')}


@pytest.mark.parametrize('full_credit', [0, -1, 1.5, True, '2', float('nan')])
def test_full_credit_is_at_least_one(full_credit):
    with pytest.raises(ValueError, match='must be a whole number from 1'):
        AnswerMatch(full_credit=full_credit)


def test_too_few_references_for_full_credit():
    few = {'sample_id': 7, 'pred_answer': 'red', 'gt_answer': ['red', 'red']}
    with pytest.raises(ValueError, match='sample 7 has 2 references, too few for full_credit=3'):
        AnswerMatch(full_credit=3).process(None, [few])
