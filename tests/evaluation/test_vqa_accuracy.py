import pytest

from mmflamingo.evaluation import VQAAcc
from mmflamingo.evaluation.answer_stem import stem
from mmflamingo.evaluation.vqa_accuracy import vqa_accuracy
from mmflamingo.registry import METRICS


def vqa_sample(sample_id, prediction, answers, **fields):
    return {'sample_id': sample_id, 'pred_answer': prediction, 'gt_answer': answers, **fields}


@pytest.mark.parametrize(('matches', 'expected'), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (9, 1), (10, 1)])
def test_leave_one_out_of_ten(matches, expected):
    answers = ['red'] * matches + ['blue'] * (10 - matches)
    assert vqa_accuracy('red', answers) == pytest.approx(expected)


def test_normalised_only_where_answers_differ():
    assert vqa_accuracy('The Dog.', ['dog'] * 9 + ['cat']) == 1
    assert vqa_accuracy('The Dog.', ['dog'] * 10) == 0
    assert vqa_accuracy(' dog\n', ['dog\t'] * 10) == 1


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('riding', 'ride'), ('skis', 'ski'), ('skiing', 'ski'), ('running', 'run'), ('ponies', 'pony'), ('ties', 'tie'),
        ('leaves', 'leaf'), ('gloves', 'glove'), ('boxes', 'box'), ('horses', 'horse'), ('buses', 'bus'),
        ('glasses', 'glass'), ('buildings', 'build'), ('clothes', 'cloth'), ('morning', 'morn'), ('wedding', 'wed'),
        ('falling', 'fall'), ('people', 'person'), ("domino's", 'domino'), ('red jeans', 'red jean'),
        ('going', 'go'), ('christmas', 'christmas'), ('playing', 'play'), ('kitties', 'kitty'), ('viruses', 'virus'),
    ],
)  # fmt: skip
def test_inflections_share_a_stem(one, other):
    assert stem(one) == stem(other)
    assert vqa_accuracy(one, [other] * 6 + ['else'] * 4, stemmed=True) == 1
    assert vqa_accuracy(one, [other] * 10, stemmed=True) == 1
    assert vqa_accuracy(one, ['else'] * 10, stemmed=True) == 0


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('king', 'k'),
        ('string', 'str'),
        ('bus', 'bu'),
        ('glass', 'glas s'),
        ('yes', 'ye'),
        ('2', ''),
    ],
)
def test_what_is_no_ending_stays(one, other):
    assert stem(one) != stem(other)


def test_stems_are_compared_on_request_only():
    sample = vqa_sample(1, 'dogs', ['dog'] * 10)
    for stemmed, expected in (False, 0), (True, 100):
        metric = VQAAcc(stemmed=stemmed)
        metric.process(None, [sample])
        assert metric.evaluate(1)['acc'] == expected


def test_groups_and_sample_scores():
    metric = METRICS.build({'type': 'VQAAcc'})
    assert isinstance(metric, VQAAcc)
    color = {'answer_type': 'other', 'question_type': 'what color'}
    samples = [
        vqa_sample(1, 'red', ['red'] + ['blue'] * 9, **color),
        vqa_sample(2, 'blue', ['blue'] * 10, **color),
        vqa_sample(3, 'no', ['yes'] * 10, answer_type='yes/no', question_type=None),
    ]
    metric.process(None, samples[:1])
    metric.process(None, samples[1:])
    assert metric.evaluate(3) == pytest.approx(
        {
            'acc': 130 / 3,
            'acc/other': 65,
            'acc/question_type/what color': 65,
            'acc/yes/no': 0,
        }
    )
    assert metric.sample_scores == {
        1: {'acc': pytest.approx(30)},
        2: {'acc': 100},
        3: {'acc': 0},
    }


@pytest.mark.parametrize(
    ('sample', 'text'),
    [
        (vqa_sample(7, None, ['yes']), "sample 7 has no 'pred_answer'"),
        (vqa_sample(7, 'yes', []), "sample 7 has no 'gt_answer'.*ReportVQA"),
        ({'sample_id': 7, 'pred_answer': 'yes'}, "sample 7 has no 'gt_answer'"),
    ],
)
def test_missing_fields_are_named(sample, text):
    with pytest.raises(ValueError, match=text):
        VQAAcc().process(None, [sample])


def test_empty_answer_counts_as_wrong():
    metric = VQAAcc()
    metric.process(None, [vqa_sample(1, '', ['yes'] * 10)])
    assert metric.evaluate(1) == {'acc': 0}


def test_a_question_answered_twice():
    metric = VQAAcc()
    metric.process(None, [vqa_sample(1, 'yes', ['yes'] * 10)] * 2)
    with pytest.raises(ValueError, match='more than one prediction for sample_id 1'):
        metric.evaluate(2)


@pytest.mark.parametrize('count', [1, 2, 3])
def test_fewer_than_four_references_are_an_error_that_names_answer_match(count):
    with pytest.raises(ValueError, match=f'sample 7 has {count} references.*at least 4.*AnswerMatch'):
        VQAAcc().process(None, [vqa_sample(7, 'yes', ['yes'] * count)])


def test_four_references_can_give_100_points():
    metric = VQAAcc()
    metric.process(None, [vqa_sample(7, 'yes', ['yes'] * 4)])
    assert metric.evaluate(1) == {'acc': 100}


@pytest.mark.parametrize(
    ('prediction', 'answers', 'expected'),
    [
        ('cant', ['cant'] * 10, 0),  # the prediction becomes "can't"
        ("can't", ["can't"] * 10, 1),
        ('The Dog.', ['dog'] * 10, 1),  # also where all answers are equal
        ('dog', ['The dog'] * 10, 0),
        ('two', ['two'] * 6 + ['2'] * 4, 1),
        ('red', ['red ', *['red'] * 9], 1),
    ],
)
def test_vizwiz_normalises_the_prediction_alone(prediction, answers, expected):
    assert vqa_accuracy(prediction, answers, normalize_answers=False) == pytest.approx(expected)
    metric = VQAAcc(normalize_answers=False)
    metric.process(None, [vqa_sample(1, prediction, answers)])
    assert metric.evaluate(1)['acc'] == pytest.approx(100 * expected)


@pytest.mark.parametrize('value', ['yes', {'yes': 1}, [1, 2, 3, 4], ['yes', None, 'no', 'no'], 3])
def test_answers_that_are_not_a_list_of_texts_are_never_letters(value):
    with pytest.raises(ValueError, match="sample 7 has 'gt_answer' = .*must be a list of texts"):
        VQAAcc().process(None, [vqa_sample(7, 'y', value)])


def test_groups_are_texts():
    with pytest.raises(ValueError, match="sample 7 has 'answer_type' = .*must be a text"):
        VQAAcc().process(None, [vqa_sample(7, 'y', ['y'] * 4, answer_type=['yes/no'])])
