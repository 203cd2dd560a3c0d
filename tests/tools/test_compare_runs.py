import json
import os
import re
from pathlib import Path

import pytest


@pytest.fixture
def write_run(tmp_path):
    def write(name, scores, **fields):
        lines = [
            json.dumps({'sample_id': i, 'scores': {'acc': score}, **fields}) + '\n'
            for i, score in (scores.items() if isinstance(scores, dict) else scores)
        ]
        (tmp_path / name).mkdir()
        (tmp_path / name / 'predictions.jsonl').write_text(''.join(lines))
        return tmp_path / name

    return write


def test_paired_by_sample(run_tool, write_run, capfd):
    a = write_run('a', {i: 50.0 for i in range(20)})
    b = write_run('b', {i: 60.0 if i else 40.0 for i in reversed(range(19))})
    assert run_tool('analysis/compare_runs', a, b / 'predictions.jsonl', '--score', 'acc') == 0
    said = capfd.readouterr().out
    assert '19 in both, 1 in one only' in said and 'better on 18, worse on 1, equal on 0' in said
    assert 'B - A       +8.95 (95 % interval' in said and 'p           0.00' in said


def test_nothing_to_compare(run_tool, write_run, capfd):
    a, b = write_run('a', {1: 0.0}), write_run('b', {2: 0.0})
    assert run_tool('analysis/compare_runs', a, b, '--score', 'acc') == 1
    assert run_tool('analysis/compare_runs', a, b, '--score', 'CIDEr') == 1
    said = capfd.readouterr().err
    assert 'no sample in common' in said and "no sample has a score 'CIDEr'; there are ['acc']" in said


@pytest.mark.parametrize(
    ('scores', 'said'),
    [
        ({1: 50.0, 2: float('nan')}, 'b/predictions.jsonl, line 2 is not valid JSON: it holds NaN'),
        ({1: 50.0, 2: float('inf')}, 'line 2 is not valid JSON: it holds Infinity'),
        ({1: 50.0, 2: None}, 'line 2: scores.acc is None, it must be a number'),
        ({1: 50.0, 2: '50'}, "line 2: scores.acc is '50', it must be a number"),
        ({1: 50.0, 2: True}, 'line 2: scores.acc is True, it must be a number'),
        ([(1, 50.0), (1, 60.0)], 'line 2: sample 1 is in line 1 already'),
        ({'1': 50.0, '2': 60.0}, "The sample id '1' of RUN_B is 1 in RUN_A"),
        ({1: 50.0, '2': 60.0}, "The sample id '2' of RUN_B is 2 in RUN_A"),
        ([(None, 1.0)], 'line 1: sample_id is None, it must be a number or a text'),
        ([(True, 1.0)], 'line 1: sample_id is True, it must be a number or a text'),
        ([([1], 1.0)], 'line 1: sample_id is .1., it must be a number or a text'),
    ],
)
def test_r9_what_cannot_be_compared_is_an_error(run_tool, write_run, capfd, scores, said):
    a, b = write_run('a', {1: 50.0, 2: 60.0}), write_run('b', scores)
    assert run_tool('analysis/compare_runs', a, b, '--score', 'acc') == 1
    assert re.search(said, capfd.readouterr().err)


def test_r9_numbers_and_texts_of_one_run_are_different_samples(run_tool, write_run, capfd):
    mixed = [(1, 50.0), ('1', 70.0)]
    a, b = write_run('a', mixed), write_run('b', mixed[::-1])
    assert run_tool('analysis/compare_runs', a, b, '--score', 'acc') == 0
    assert '2 in both' in capfd.readouterr().out


def test_the_same_id_of_another_question_is_an_error(run_tool, write_run, capfd):
    a, b = write_run('a', {1: 50.0}, question='Which?'), write_run('b', {1: 50.0}, question='Why?')
    assert run_tool('analysis/compare_runs', a, b, '--score', 'acc') == 1
    assert "Sample 1 is not the same query in all runs: its question is 'Which?' and 'Why?'" in capfd.readouterr().err


def test_scores_that_are_not_the_measured_ones_are_an_error(run_tool, toy_config, capfd):
    assert run_tool('test', toy_config, '--work-dir', 'runs') == 0
    (path,) = Path('runs').glob('*/predictions.jsonl')
    assert run_tool('analysis/compare_runs', path.parent, path, '--score', 'id') == 0
    path.write_text(path.read_text().replace('"id": 3.0', '"id": 4.0'))
    assert run_tool('analysis/compare_runs', path.parent, path, '--score', 'id') == 1
    assert 'The scores in ' in capfd.readouterr().err


@pytest.mark.parametrize('name', ['absent', 'pipe'])
def test_no_prediction_file(run_tool, write_run, tmp_path, capfd, name):
    os.mkfifo(tmp_path / 'pipe')
    assert run_tool('analysis/compare_runs', write_run('a', {1: 0.0}), tmp_path / name, '--score', 'acc') == 2
    assert f'{name} does not exist' in capfd.readouterr().err
