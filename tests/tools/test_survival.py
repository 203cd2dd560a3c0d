"""A test that is killed goes on where it was, in a process of its own.

KILLS=20 pytest tests/tools/test_survival.py kills at twenty random moments.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOY_FOLDER = ROOT / 'tests' / 'engine'
KILLS = int(os.environ.get('KILLS', 1))


def start(config, folder, *options):
    """Start tools/test.py."""
    env = {**os.environ, 'PYTHONPATH': f'{TOY_FOLDER}:{ROOT}', 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''}
    command = [sys.executable, ROOT / 'tools' / 'test.py', config, '--work-dir', folder, *options]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def journal_lines(folder):
    return sum(path.read_bytes().count(b'\n') for path in folder.glob('*/journal.rank*'))


def wait_for_lines(folder, count, process):
    """Wait until that many predictions are written down, or the process has ended."""
    while journal_lines(folder) < count and process.poll() is None:
        time.sleep(0.005)


def outcome(folder):
    (results,) = folder.glob('*/results.json')
    return json.loads(results.read_text())['metrics'], results.with_name('predictions.jsonl').read_text()


@pytest.fixture
def unbroken(run_tool, toy_config):
    assert run_tool('test', toy_config, '--work-dir', 'unbroken') == 0
    return outcome(Path('unbroken'))


@pytest.mark.slow
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_end_with_an_account(unbroken, toy_config, tmp_path, number):
    """R21: also with a worker."""
    folder, slowly = tmp_path / 'ended', ('--resume', '--cfg-options', 'test_dataloader.dataset.seconds=0.2')
    process = start(toy_config, folder, *slowly, 'test_dataloader.num_workers=1')
    wait_for_lines(folder, 2, process)
    process.send_signal(number)
    said = process.communicate(timeout=60)[0]
    kept = journal_lines(folder)
    assert process.returncode == 128 + number and f'{kept} of 13 predictions are kept' in said, said
    assert '--resume continues' in said and 'Traceback' not in said
    process = start(toy_config, folder, *slowly)
    said = process.communicate()[0]
    assert process.returncode == 0 and f'{kept} of 13 predictions are there already' in said, said
    assert outcome(folder) == unbroken


@pytest.mark.slow
@pytest.mark.parametrize('kill', range(KILLS))
def test_kill_9_and_another_batch_size(unbroken, toy_config, tmp_path, kill):
    rng = random.Random(kill)
    folder, slowly = tmp_path / 'killed', ('--resume', '--cfg-options', 'test_dataloader.dataset.seconds=0.05')
    process = start(toy_config, folder, *slowly)
    wait_for_lines(folder, rng.randint(1, 11), process)
    time.sleep(rng.random() / 10)
    process.kill()
    process.wait()
    kept = journal_lines(folder)
    process = start(toy_config, folder, *slowly, f'test_dataloader.batch_size={rng.randint(1, 5)}')
    said = process.communicate()[0]
    assert process.returncode == 0 and (f'{kept} of 13 predictions are there already' in said or kept == 0), said
    assert outcome(folder) == unbroken
