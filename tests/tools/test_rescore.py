import json
from pathlib import Path

import pytest


@pytest.fixture
def run_folder(run_tool, toy_config):
    assert run_tool('test', toy_config, '--work-dir', 'runs') == 0
    (results,) = Path('runs').glob('*/results.json')
    return results.parent


def spoil(folder):
    """Replace all scores."""
    results = json.loads((folder / 'results.json').read_text())
    (folder / 'results.json').write_text(json.dumps(results | {'metrics': {'toy/sum': -1}}))
    text = (folder / 'predictions.jsonl').read_text()
    (folder / 'predictions.jsonl').write_text(text.replace('"scores": {"id": 3.0}', '"scores": {}'))
    return text


def test_the_same_scores_without_the_model(run_tool, run_folder, capfd):
    predictions = spoil(run_folder)
    assert run_tool('analysis/rescore', run_folder) == 0
    assert 'toy/sum    78.00' in capfd.readouterr().out
    assert json.loads((run_folder / 'results.json').read_text())['metrics'] == {'toy/sum': 78.0, 'toy/count': 13}
    assert (run_folder / 'predictions.jsonl').read_text() == predictions


def test_metrics_of_another_config(run_tool, run_folder, toy_config, tmp_path, capfd):
    config = tmp_path / 'both.py'
    config.write_text(
        f"_base_ = '{toy_config}'\ntest_evaluator = [dict(type='BrokenMetric'), dict(type='ToyMetric')]\n"
    )
    assert run_tool('analysis/rescore', run_folder, '--config', config) == 1
    results = json.loads((run_folder / 'results.json').read_text())
    assert results['failed_metrics'] == {'BrokenMetric': 'no such jar'} and results['metrics']['toy/sum'] == 78


@pytest.mark.parametrize(
    ('file', 'code', 'said'),
    [('journal.rank0.jsonl', 1, 'is not finished'), ('other', 2, 'holds no predictions.jsonl')],
)
def test_no_finished_run(run_tool, tmp_path, capfd, file, code, said):
    (tmp_path / file).write_text('')
    assert run_tool('analysis/rescore', tmp_path) == code
    assert said in capfd.readouterr().err
