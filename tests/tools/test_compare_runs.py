import json

import pytest


@pytest.fixture
def write_run(tmp_path):
    def write(name, scores):
        lines = [json.dumps({'sample_id': i, 'scores': {'acc': score}}) + '\n' for i, score in scores.items()]
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
