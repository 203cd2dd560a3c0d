"""A benchmark by tools/test.py: scores don't depend on batches, workers, or the order of the annotation file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / 'checkpoints/flamingo-tiny/flamingo-tiny_emoji-scenes.pth'
BASES = ('default_runtime', 'models/flamingo-tiny', 'prompts/close_ended')
STAR_FILES = ('data/star/STAR_val.json', 'data/star/STAR_train.json')


def run_config(benchmark_config):
    """A config of flamingo-tiny on the set of a benchmark's config."""
    config = Config({})
    for base in BASES:
        config.merge_from_dict(Config.fromfile(ROOT / f'configs/_base_/{base}.py').to_dict())
    config.merge_from_dict(benchmark_config.to_dict())
    config.model.prompts.update(config.benchmark_prompts)
    config.model.tokenizer.pretrained = str(ROOT / config.model.tokenizer.pretrained)
    config.dump('run.py')


def run(name, *options):
    """Test; returns the scores and the prediction records by id."""
    command = [sys.executable, ROOT / 'tools/test.py', 'run.py', WEIGHTS, '--work-dir', name, '--cfg-options', *options]
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = Path(name).glob('*/results.json')
    lines = map(json.loads, (folder.parent / 'predictions.jsonl').read_text().splitlines())
    return json.loads(folder.read_text())['metrics'], {line['sample_id']: line for line in lines}


@pytest.mark.slow
def test_scores_are_those_of_the_samples(benchmark):
    config, ids = benchmark('star', num_shots=2)
    run_config(config)
    scores, predictions = run('first', 'test_dataloader.batch_size=1', 'test_dataloader.num_workers=1')
    assert sorted(predictions) == sorted(ids)

    for path in map(Path, STAR_FILES):
        path.write_text(json.dumps(json.loads(path.read_text())[::-1]))
    again, others = run('second', 'test_dataloader.batch_size=3', 'test_dataloader.num_workers=2')
    assert again == scores
    for sample_id, line in predictions.items():
        assert others[sample_id]['prompt'] == line['prompt']
        assert others[sample_id]['choice_scores'] == pytest.approx(line['choice_scores'], abs=1e-4)
