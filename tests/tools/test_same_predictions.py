"""What saves time changes no prediction, on a part of flamingo-tiny's questions; the tool runs it on all of them."""

import importlib.util
import sys
from pathlib import Path

import pytest

from mmflamingo.engine.errors import RunError

ROOT = Path(__file__).parents[2]
CONFIG = 'configs/flamingo/flamingo-tiny_fewshot_vqa.py'


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.chdir(ROOT)
    spec = importlib.util.spec_from_file_location(
        'same_predictions', ROOT / 'tools' / 'analysis' / 'same_predictions.py'
    )
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def compare(tool, monkeypatch, tmp_path, capfd):
    """Runs the tool on 97 questions in batches of 16; returns its exit code, and what it printed."""
    for name, value in (('PYTHONPATH', ROOT), ('OMP_NUM_THREADS', 1), ('CUDA_VISIBLE_DEVICES', ''), ('PORT', 29627)):
        monkeypatch.setenv(name, str(value))

    def run(*variants):
        options = ['test_dataloader.dataset.num_query_examples=97', 'test_dataloader.batch_size=16']
        arguments = ['--work-dir', str(tmp_path / 'runs'), '--variants', *variants, '--cfg-options', *options]
        monkeypatch.setattr(sys, 'argv', ['same_predictions.py', CONFIG, *arguments])
        try:
            tool.main()
            code = 0
        except SystemExit as end:
            code = end.code
        return code, capfd.readouterr()

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    'variants',
    [
        ('no-media-cache', 'store-filled-here', 'store-filled-before', 'batch-1', 'hugging-face-generate'),
        ('2-ranks-batches-by-length', '3-ranks-batches-by-length'),  # neither divides 97
    ],
)
def test_predictions_stay_the_same(compare, variants):
    code, shown = compare(*variants)
    assert code == 0
    table = ['| variant | predictions that differ, of 97 |', '| --- | --- |', *(f'| {name} | 0 |' for name in variants)]
    assert shown.out.splitlines()[-len(table) :] == table


def test_what_changes_is_counted_and_named(tool, compare, monkeypatch):
    texts = {'batch-1': ['a', 'b', 'd'], 'batch-8': ['a', 'x', 'y']}
    monkeypatch.setattr(tool, 'run', lambda args, name, variant: texts.get(name, ['a', 'b', 'd']))
    code, shown = compare('batch-1', 'batch-8', '2-ranks')
    assert code == 1
    assert shown.out.splitlines()[-3:] == ['| batch-1 | 0 |', '| batch-8 | 2 |', '| 2-ranks | 0 |']
    assert 'Predictions changed with batch-8:' in shown.err


def test_caches_of_a_pipeline_are_found_wherever_they_are(tool):
    pipeline = [{'type': 'A', 'cache_bytes': 3}, {'type': 'B', 'transforms': [{'type': 'C'}, {'cache_bytes': 1}]}]
    assert list(tool.find_keys(pipeline, 'cache_bytes', 'p')) == ['p.0.cache_bytes', 'p.1.transforms.1.cache_bytes']


def test_a_run_with_fewer_predictions_is_an_error(tool, compare, monkeypatch):
    monkeypatch.setattr(tool, 'run', lambda args, name, variant: ['a'] if name == 'batch-1' else ['a', 'b'])
    code, shown = compare('batch-1')
    assert code == 1 and 'The run batch-1 made 1 predictions, the config as it is 2.' in shown.err


def test_only_own_runs_are_removed(tool, tmp_path):
    (tmp_path / 'batch-1').mkdir()
    (tmp_path / 'thesis.tex').write_text('')
    with pytest.raises(RunError, match='holds thesis.tex, so it is not emptied'):
        tool.empty(tmp_path)
    (tmp_path / 'thesis.tex').unlink()
    tool.empty(tmp_path)
    tool.empty(tmp_path)
    assert not tmp_path.exists()
