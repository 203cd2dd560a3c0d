import copy
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmflamingo.engine.errors import RunError, UserError
from mmflamingo.engine.testing.predictions import (
    add_scores,
    data_sample,
    prediction_record,
    read_records,
    to_line,
)
from mmflamingo.engine.testing.results import make_results, read_run, write_results

ANSWERED = {
    'task': 'vqa',
    'sample_id': 9,
    'image_id': 4,
    'img_path': ['shot.png', 'a.png'],
    'question': 'Why?',
    'answer_type': 'other',
    'gt_answer': ['so'],
    'pred_text': 'so be it',
    'pred_answer': 'so',
    'logits': torch.ones(2),
}


def test_question_and_its_id_are_kept():
    record = prediction_record(ANSWERED)
    assert record['question_id'] == 9 and record['question'] == 'Why?' and record['img_path'] == 'a.png'
    assert [record[name] for name in ('generated', 'prediction', 'references')] == ['so be it', 'so', ['so']]


def test_same_line_in_whatever_order_the_fields_come():
    backwards = dict(reversed(ANSWERED.items()))
    assert to_line(prediction_record(backwards)) == to_line(prediction_record(ANSWERED))


def test_metrics_get_all_fields_back():
    record = json.loads(to_line(prediction_record(ANSWERED) | {'scores': {'acc': 30.0}}))
    changed = {'question_id': 9, 'img_path': 'a.png', 'shots': [], 'logits': [1.0, 1.0]}
    assert data_sample(record) == ANSWERED | changed


def test_sample_without_references_or_of_another_task():
    caption = prediction_record({'sample_id': 1, 'pred_caption': 'a cat', 'pred_text': 'a cat'})
    assert data_sample(caption)['gt_caption'] == []
    ranking = {'sample_id': 1, 'pred_label': 3, 'gt_label': 2}
    assert data_sample(prediction_record(ranking)).items() >= ranking.items()


def test_scores_of_several_metrics_and_of_none():
    class Scores:
        def __init__(self, sample_scores):
            self.sample_scores = sample_scores

    records = [{'sample_id': 1}, {'sample_id': 'b'}]
    add_scores(records, [Scores({1: {'CIDEr': 3.0}}), object(), Scores({1: {'acc': 60.0}})])
    assert records[0]['scores'] == {'CIDEr': 3.0, 'acc': 60.0}
    assert records[1]['scores'] == {}


def test_half_a_character_and_any_other_text_can_be_written_and_read(tmp_path):
    records = [{'sample_id': 'a', 'prediction': 'Ünï\u2028\r\n"\\ \U0001f408 \udc80', 'scores': {}}]
    write_results(tmp_path, records, make_results(records, {}, {}, {'type': 'X'}) | {'protocol': {}})
    assert read_run(tmp_path)[0]['prediction'] == records[0]['prediction'].replace('\udc80', '?')


@pytest.mark.parametrize('score', [float('nan'), torch.tensor(float('inf'))])
def test_r2_nothing_is_written_that_is_not_a_number(tmp_path, score):
    records = [{'sample_id': 1, 'scores': {'acc': score}}]
    with pytest.raises(RunError, match=r'cannot be written: scores.acc is (nan|inf)'):
        write_results(tmp_path, records, {'metrics': {}})
    with pytest.raises(RunError, match=r'The result cannot be written: metrics.acc is (nan|inf)'):
        write_results(tmp_path, [], {'metrics': {'acc': score}})
    assert not list(tmp_path.iterdir())


RECORDS = [
    {
        'sample_id': i,
        'question': f'What is {i}?',
        'img_path': f'{i}.png',
        'shots': [{'sample_id': 9, 'img_path': None, 'answer': 'cat'}],
        'output': 'answer',
        'prediction': 'cat',
        'references': ['cat', 'dog'],
        'choice_scores': [-0.5, 1e-12],
        'scores': {'acc': 100.0 * i / 3},
    }
    for i in range(3)
]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_mutation_of_a_prediction_file_is_noticed_or_harmless(tmp_path_factory, data):
    """By bytes, and by values of fields: what is read without an error is what was scored."""
    folder = tmp_path_factory.mktemp('run')
    write_results(folder, RECORDS, make_results(RECORDS, {'acc': 100.0}, {}, {'type': 'X'}) | {'protocol': {}})
    path = folder / 'predictions.jsonl'
    if data.draw(st.booleans()):
        content = bytearray(path.read_bytes())
        start = data.draw(st.integers(0, len(content)))
        stop = data.draw(st.integers(start, min(start + 300, len(content))))
        content[start:stop] = data.draw(st.binary(max_size=5) | st.just(b'') | st.just(bytes(content[:300])))
        path.write_bytes(content)
    else:
        changed = copy.deepcopy(RECORDS)
        record = data.draw(st.sampled_from(changed))
        record[data.draw(st.sampled_from(sorted(record)))] = data.draw(JUNK)
        path.write_text(''.join(json.dumps(record) + '\n' for record in changed))
    try:
        records = read_run(folder)
    except UserError as error:
        assert 'predictions.jsonl' in str(error)
    else:
        assert records == RECORDS


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    record=JUNK
    | st.dictionaries(st.sampled_from([*RECORDS[0], 'bad_images']), JUNK).map(lambda junk: RECORDS[0] | junk)
)
def test_any_line_is_a_record_or_one_sentence(tmp_path_factory, record):
    path = tmp_path_factory.mktemp('run') / 'predictions.jsonl'
    path.write_text(json.dumps(record) + '\n')
    try:
        (read,) = read_records(path)
    except RunError as error:
        assert str(error).startswith(f'{path}, line 1') and len(str(error)) < len(str(path)) + 250
    else:
        assert data_sample(read) is not None
