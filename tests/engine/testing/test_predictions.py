import json

import torch

from mmflamingo.engine.testing.predictions import add_scores, data_sample, prediction_record, to_line

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
