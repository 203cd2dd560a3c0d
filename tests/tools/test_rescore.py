import json
import re
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


def write_config(path, base, evaluator):
    path.write_text(f"_base_ = '{base}'\ntest_evaluator = {evaluator}\n")
    return path


def test_metrics_of_another_config(run_tool, run_folder, toy_config, tmp_path):
    config = write_config(tmp_path / 'prefixed.py', toy_config, "dict(type='ToyMetric', prefix='other')")
    assert run_tool('analysis/rescore', run_folder, '--config', config) == 0
    results = json.loads((run_folder / 'results.json').read_text())
    assert results['metrics'] == {'other/sum': 78.0, 'other/count': 13}
    assert results['evaluator'] == {'type': 'ToyMetric', 'prefix': 'other'}


def test_r7_a_failure_replaces_nothing(run_tool, run_folder, toy_config, tmp_path, capfd):
    before = {path.name: path.read_text() for path in run_folder.glob('*.json*')}
    config = write_config(tmp_path / 'both.py', toy_config, "[dict(type='BrokenMetric'), dict(type='ToyMetric')]")
    assert run_tool('analysis/rescore', run_folder, '--config', config) == 1
    assert 'its results stay as they were (BrokenMetric: no such jar)' in capfd.readouterr().err
    assert {path.name: path.read_text() for path in run_folder.glob('*.json*')} == before


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda lines: lines[:7], 'holds 7 predictions, but results.json says that 13'),
        (lambda lines: [*lines[:-1], lines[0]], 'line 13: sample 100 is in line 1 already'),
        (lambda lines: [lines[0].replace('number 0', 'number 1'), *lines[1:]], 'has changed since it was scored'),
        (lambda lines: lines[::-1], 'has changed since it was scored'),
        (lambda lines: [lines[0][:-9] + '\n', *lines[1:]], 'line 1 is not valid JSON'),
        (lambda lines: ['[' * 100_000 + '\n', *lines[1:]], 'line 1 is not valid JSON: it is nested too deeply'),
        (lambda lines: [lines[0].replace('{"id": 0.0}', '{"id": NaN}'), *lines[1:]], 'line 1 .* it holds NaN'),
        (lambda lines: [lines[0].replace('"shot.png"', '7'), *lines[1:]], 'line 1: shots must be a list of objects'),
        (lambda lines: ['[]\n', *lines[1:]], 'line 1: it is a list, not an object'),
    ],
)
def test_r7_changed_predictions_are_refused(run_tool, run_folder, capfd, change, said):
    path = run_folder / 'predictions.jsonl'
    path.write_text(''.join(change(path.read_text().splitlines(keepends=True))))
    before = (run_folder / 'results.json').read_text()
    assert run_tool('analysis/rescore', run_folder) == 1
    assert re.search(said, capfd.readouterr().err)
    assert (run_folder / 'results.json').read_text() == before


def test_r7_runs_from_before_the_checksum_can_be_scored_if_their_number_is_right(run_tool, run_folder, capfd):
    path = run_folder / 'results.json'
    results = json.loads(path.read_text())
    for name in ('predictions', 'evaluator_files'):
        del results[name]
    path.write_text(json.dumps(results))
    assert run_tool('analysis/rescore', run_folder) == 0
    path.write_text(json.dumps(results | {'num_samples': 14}))
    assert run_tool('analysis/rescore', run_folder) == 1
    assert 'holds 13 predictions, but results.json says that 14' in capfd.readouterr().err


def test_r7_bad_images_stay_counted(run_tool, toy_config, capfd):
    options = ('--cfg-options', 'test_dataloader.dataset.bad=[2,5]')
    assert run_tool('test', toy_config, '--work-dir', 'runs', *options) == 0
    (path,) = Path('runs').glob('*/results.json')
    metrics = json.loads(path.read_text())['metrics']
    assert metrics['bad_images'] == 2
    assert run_tool('analysis/rescore', path.parent) == 0
    assert json.loads(path.read_text())['metrics'] == metrics


@pytest.mark.parametrize(
    ('evaluator', 'said'),
    [
        ({'type': 'os.system', 'command': 'touch pwned'}, "'os.system' is not a registered metric"),
        ([{'type': 'ToyMetric'}, {'type': 'builtins.exec'}], "'builtins.exec' is not a registered metric"),
        ({'type': 'mmengine.evaluator.DumpResults', 'out_file_path': 'pwned.pkl'}, 'is not a registered metric'),
        ({'type': 'DumpResults', 'out_file_path': 'pwned.pkl'}, 'names a file for DumpResults'),
        (
            {'type': 'Evaluator', 'metrics': [{'type': 'os.system', 'command': 'touch pwned'}]},
            'not a registered metric',
        ),
        ({'metrics': {'type': 'subprocess.run', 'args': ['touch', 'pwned']}}, 'is not a registered metric'),
        ({'type': 'COCOCaption', 'metrics': [{'type': 'os.system', 'command': 'touch pwned'}]}, 'metrics.type'),
        ({'type': 'ReportVQA', 'file_path': 'pwned.json'}, "names a file for ReportVQA .file_path = 'pwned.json'"),
        ({'type': 'COCOCaption', 'ann_file': '/etc/passwd'}, 'names a file for COCOCaption'),
        ({'type': 'ToyMetric', 'collect_dir': 'pwned'}, 'names a file for ToyMetric'),
        ({'type': 'ToyMetric', '_scope_': 'os'}, 'evaluator with _scope_'),
        ('os.system', 'results.json: evaluator is'),
        ({'type': ['os.system']}, 'An evaluator must be a metric with a type'),
        (None, 'An evaluator must be a metric'),
        ([], 'There is no metric to score by'),
        ({'type': 'ToyMetric', 'colour': 1}, "The metric ToyMetric cannot be built: .*'colour'"),
        ({'type': 'VQAAcc', 'stemmed': [{'type': 'ToyMetric'}]}, 'stemmed.type'),
        (json.loads('[' * 40 + ']' * 40), 'There is no metric to score by'),
    ],
)
def test_r10_nothing_in_results_runs_or_names_files(run_tool, run_folder, capfd, evaluator, said):
    path = run_folder / 'results.json'
    text = json.dumps(json.loads(path.read_text()) | {'evaluator': evaluator})
    path.write_text(text)
    assert run_tool('analysis/rescore', run_folder) in (1, 2)
    error = capfd.readouterr().err
    assert re.search(said, error) and 'Traceback' not in error
    assert path.read_text() == text and not list(Path().glob('pwned*'))


def test_r10_links_are_not_written_through(run_tool, run_folder, tmp_path, capfd):
    victim = tmp_path / 'victim.json'
    (run_folder / 'results.json').rename(victim)
    (run_folder / 'results.json').symlink_to(victim)
    before = victim.read_bytes()
    assert run_tool('analysis/rescore', run_folder) == 1
    assert 'is a link' in capfd.readouterr().err and victim.read_bytes() == before


@pytest.mark.parametrize(
    ('content', 'said'),
    [
        ('', 'is not valid JSON'),
        ('[1]', 'must hold a JSON object, but holds a list'),
        ('{"a": ' * 100_000, 'nested too deeply'),
        ('{"metrics": {}, "evaluator": ' + '[' * 60 + ']' * 60 + '}', 'nested too deeply'),
        ('{"metrics": 3}', 'metrics is 3'),
        ('{"metrics": {"acc": NaN}, "num_samples": 13, "protocol": {}}', 'it holds NaN'),
        ('{"metrics": {"acc": "7"}, "num_samples": 13, "protocol": {}}', "metrics.acc is '7', it must be a number"),
        ('{"metrics": {}, "num_samples": "13", "protocol": {}}', "num_samples is '13'"),
        ('{"metrics": {}, "num_samples": 13, "protocol": []}', 'protocol is'),
    ],
)
def test_r20_broken_results_are_one_sentence(run_tool, run_folder, capfd, content, said):
    (run_folder / 'results.json').write_text(content)
    assert run_tool('analysis/rescore', run_folder) == 1
    error = capfd.readouterr().err
    assert said in error and 'results.json' in error and 'Traceback' not in error


@pytest.mark.parametrize(
    ('file', 'code', 'said'),
    [('journal.rank0.jsonl', 1, 'is not finished'), ('other', 2, 'holds no predictions.jsonl')],
)
def test_no_finished_run(run_tool, tmp_path, capfd, file, code, said):
    (tmp_path / file).write_text('')
    assert run_tool('analysis/rescore', tmp_path) == code
    assert said in capfd.readouterr().err
