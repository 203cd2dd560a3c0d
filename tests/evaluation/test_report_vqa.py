import json

import numpy as np
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


def test_ids_keep_their_type(tmp_path):
    path = tmp_path / 'a.json'
    metric = ReportVQA(str(path))
    ids = [5, '5', np.int64(6), 7.0]
    metric.process(None, [{'sample_id': i, 'pred_answer': 'é\ud83d\x00'} for i in ids])
    metric.evaluate(4)
    assert [entry['question_id'] for entry in json.loads(path.read_text())] == [5, '5', 6, 7]
    assert path.read_text().count('"5"') == 1


@pytest.mark.parametrize('content', ['{"a": 1}', 'not JSON', '[{"image": 1, "answer": "x"}]', '[1]', ''])
def test_a_file_of_another_kind_is_never_replaced(tmp_path, content):
    path = tmp_path / 'mine.json'
    path.write_text(content)
    with pytest.raises(ValueError, match='does not hold answers with the keys'):
        ReportVQA(str(path))
    assert path.read_text() == content


def test_an_older_report_is_replaced_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / 'a.json'
    path.write_text('[{"question_id": 1, "answer": "old"}]')
    metric = ReportVQA(str(path))
    sample = {'sample_id': 1, 'pred_answer': 'new'}

    def full_disk(*args, **kwargs):
        raise OSError('No space left on device')

    metric.process(None, [sample])
    with monkeypatch.context() as patch, pytest.raises(OSError, match='No space'):
        patch.setattr('os.replace', full_disk)
        metric.compute_metrics(metric.results)
    assert json.loads(path.read_text())[0]['answer'] == 'old'
    assert [file.name for file in tmp_path.iterdir()] == ['a.json']
    metric.evaluate(1)
    assert json.loads(path.read_text()) == [{'question_id': 1, 'answer': 'new'}]


def test_a_place_that_cannot_be_written_is_refused_before_the_run(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(ValueError, match='cannot be a folder of results'):
        ReportVQA(str(tmp_path / 'file' / 'a.json'))
    (tmp_path / 'folder.json').mkdir()
    with pytest.raises(ValueError, match='does not hold answers'):
        ReportVQA(str(tmp_path / 'folder.json'))
