"""What all metrics share: ids, errors that name samples, a set that is checked before anything is predicted."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk_files import write_tagger, write_wordnet

from mmflamingo.evaluation import (
    ROCAUC,
    WUPS,
    AnswerMatch,
    ChoiceAccuracy,
    COCOCaption,
    NExTQAAccuracy,
    ReportVQA,
    VQAAcc,
)
from mmflamingo.evaluation.base import MeanMetric, SampleMetric

FEW = settings(max_examples=40, deadline=None, derandomize=True)
WORDS = ['red', 'dog', 'the dog', '2', 'two', '', "can't", 'cant', 'a\nb', '\ud83d', '\x00', '\u2028', 'שלום', '🐶']
answers = st.lists(st.sampled_from(WORDS), min_size=4, max_size=10)


@pytest.fixture(scope='module')
def wups(tmp_path_factory):
    import nltk

    folder = tmp_path_factory.mktemp('wordnet')
    nltk.data.path.insert(0, write_tagger(folder / 'nltk_data'))
    return lambda: WUPS(wordnet_dir=write_wordnet(folder / 'wordnet'))


def vqa(number, prediction='red', references=('red',) * 10, **fields):
    return {'sample_id': number, 'pred_answer': prediction, 'gt_answer': list(references), **fields}


def ranked(number, scores=(0.1, 0.2), right=0, **fields):
    choices = ['yes', 'no', 'perhaps'][: len(scores)]
    return {'sample_id': number, 'choices': choices, 'choice_scores': list(scores), 'gt_choice': right, **fields}


def caption(number, prediction='a dog', references=('a dog', 'the dog runs'), **fields):
    ids = {'sample_id': number, 'image_id': number}
    return ids | {'pred_caption': prediction, 'gt_caption': list(references)} | fields


def evaluate(metric, samples):
    metric.process(None, samples)
    return metric.evaluate(len(samples))


MAKERS = [
    (VQAAcc, vqa),
    (lambda: VQAAcc(stemmed=True), vqa),
    (lambda: VQAAcc(normalize_answers=False), vqa),
    (AnswerMatch, vqa),
    (lambda: AnswerMatch(full_credit=3, normalize=True), vqa),
    (ChoiceAccuracy, ranked),
    (NExTQAAccuracy, ranked),
    (ROCAUC, ranked),
    (lambda: COCOCaption('CIDEr'), caption),
]


@pytest.mark.parametrize(('make', 'sample'), MAKERS)
def test_no_samples_are_an_error_and_not_nan(make, sample):
    with pytest.raises(ValueError, match='no predictions'):
        make().compute_metrics([])
    with pytest.raises(ValueError, match='no predictions'):
        make().check_dataset([])


@pytest.mark.parametrize(('make', 'sample'), MAKERS)
def test_a_sample_that_comes_twice_is_named(make, sample):
    with pytest.raises(ValueError, match='more than one prediction for (sample|image)_id 3'):
        evaluate(make(), [sample(1), sample(3), sample(3)])
    with pytest.raises(ValueError, match='more than one prediction for (sample|image)_id 3'):
        make().check_dataset([sample(1), sample(3), sample(3.0)])


@pytest.mark.parametrize(('make', 'sample'), MAKERS)
@pytest.mark.parametrize('bad', [None, 1.5, math.nan, math.inf, True, [1], {}])
def test_an_id_is_a_whole_number_or_a_text(make, sample, bad):
    with pytest.raises(ValueError, match="sample .* has (no )?'(sample|image)_id'"):
        make().process(None, [sample(bad)])


def test_whole_floats_are_ints_as_pandas_writes_ids(tmp_path):
    metric = VQAAcc()
    assert evaluate(metric, [vqa(3000001000.0), vqa(np.int64(7)), vqa('b')]) == {'acc': 100}
    assert {type(key) for key in metric.sample_scores} == {int, str}
    assert metric.sample_scores.keys() == {3000001000, 7, 'b'}


@pytest.mark.parametrize('make', [VQAAcc, AnswerMatch])
@pytest.mark.parametrize('prediction', [None, 3, ['red'], {'answer': 'red'}, b'red'])
def test_a_prediction_that_is_not_a_text_is_named(make, prediction):
    with pytest.raises(ValueError, match="sample 9 has (no )?'pred_answer'"):
        make().process(None, [vqa(9, prediction)])


def test_a_value_is_never_shown_whole():
    with pytest.raises(ValueError, match='sample 9') as error:
        VQAAcc().process(None, [vqa(9) | {'gt_answer': 'x' * 10**6}])
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ('make', 'bad', 'text'),
    [
        (VQAAcc, {'gt_answer': []}, "no 'gt_answer'.*ReportVQA"),
        (VQAAcc, {'gt_answer': ['red']}, 'AnswerMatch'),
        (AnswerMatch, {'gt_answer': 'red'}, 'must be a list of texts'),
        (COCOCaption, {'gt_caption': 'red'}, 'must be a list of texts'),
        (COCOCaption, {'gt_caption': ['x' * 10_001]}, 'max_characters'),
        (ChoiceAccuracy, {'gt_choice': 5}, 'must be a number from 0 to 1'),
        (ChoiceAccuracy, {'gt_choice': None}, "no 'gt_choice'"),
        (ROCAUC, {'choices': ['left', 'right']}, 'there must be two, one of them'),
    ],
)
def test_a_set_is_checked_before_anything_is_predicted(make, bad, text):
    sample = {COCOCaption: caption, VQAAcc: vqa, AnswerMatch: vqa}.get(make, ranked)
    records = [
        {name: value for name, value in sample(n).items() if not name.startswith(('pred', 'choice_scores'))}
        for n in range(30)
    ]
    make().check_dataset(records)
    with pytest.raises(ValueError, match=text) as error:
        make().check_dataset([record | bad if n >= 15 else record for n, record in enumerate(records)])
    assert 'sample 15 ' in str(error.value) and 'and 5 more samples' in str(error.value)


def test_choices_that_the_pipeline_adds_are_not_missed():
    for metric in ChoiceAccuracy(), ROCAUC():
        metric.check_dataset([{'sample_id': 1, 'question': 'red?'}])


@FEW
@given(st.lists(st.tuples(st.sampled_from(WORDS), answers), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_samples_never_changes_a_score(pairs, rng):
    samples = [vqa(n, *pair, answer_type=str(n % 2), question_type='CW') for n, pair in enumerate(pairs)]
    samples = [sample | ranked(n, (n % 3, n % 2), n % 2) for n, sample in enumerate(samples)]
    shuffled = rng.sample(samples, len(samples))
    for make in VQAAcc, lambda: VQAAcc(stemmed=True), AnswerMatch, ChoiceAccuracy, NExTQAAccuracy:
        scores = evaluate(make(), samples)
        assert scores == evaluate(make(), shuffled)
        assert all(0 <= value <= 100 for value in scores.values())


def test_wups_of_odd_texts_stays_within_its_range(wups):
    samples = [vqa(n, word, WORDS, question_type=kind) for n, word in enumerate(WORDS) for kind in ['CW']]
    scores = evaluate(wups(), samples)
    assert all(0 <= value <= 100 for value in scores.values())
    assert scores == evaluate(wups(), samples[::-1])


def test_a_new_metric_says_what_one_sample_gets():
    class Length(MeanMetric):
        def score_sample(self, sample):
            return {'length': float(len(self.answer(sample)))}

    assert evaluate(Length(by='kind'), [vqa(1, 'ab', kind='x'), vqa(2, 'abcd')]) == {'length': 3, 'length/x': 2}
    assert issubclass(MeanMetric, SampleMetric) and ReportVQA.key_name == 'question_id'
