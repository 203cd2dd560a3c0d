import json

import pytest

from mmflamingo.evaluation import ReportVQA, report_vqa
from mmflamingo.registry import METRICS


def test_file_without_any_ground_truth(tmp_path, monkeypatch):
    messages = []
    monkeypatch.setattr(report_vqa, 'print_log', lambda text, **kwargs: messages.append(text))
    path = tmp_path / 'new' / 'answers.json'
    metric = METRICS.build({'type': 'ReportVQA', 'file_path': str(path)})
    samples = [
        {'sample_id': 5, 'pred_answer': 'café'},
        {'sample_id': 'b', 'question_id': 6, 'pred_answer': '', 'gt_answer': []},
    ]
    metric.process(None, samples)
    assert metric.evaluate(2) == {}
    assert json.loads(path.read_text(encoding='utf-8')) == [
        {'question_id': 5, 'answer': 'café'},
        {'question_id': 6, 'answer': ''},
    ]
    assert str(path) in messages[-1]


def test_names_of_other_servers(tmp_path):
    path = tmp_path / 'a.json'
    metric = ReportVQA(str(path), id_key='image', answer_key='prediction')
    metric.process(None, [{'sample_id': 'a.jpg', 'pred_answer': 'red'}])
    metric.evaluate(1)
    assert json.loads(path.read_text()) == [{'image': 'a.jpg', 'prediction': 'red'}]


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="ends with '.json'"):
        ReportVQA('answers.txt')
    metric = ReportVQA(str(tmp_path / 'a.json'))
    with pytest.raises(ValueError, match="sample 5 has no 'pred_answer'"):
        metric.process(None, [{'sample_id': 5}])
    metric.process(None, [{'sample_id': 5, 'pred_answer': 'yes'}] * 2)
    with pytest.raises(ValueError, match='more than one prediction for question_id 5'):
        metric.evaluate(2)
