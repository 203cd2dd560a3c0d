import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*options):
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''}
    command = [sys.executable, str(ROOT / 'tools' / 'dev' / 'loading.py'), *options]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env).stdout


@pytest.mark.slow
@pytest.mark.skipif(not Path('/proc/self/clear_refs').exists(), reason='only Linux tells the peak of a process')
@pytest.mark.parametrize(
    'options',
    [
        ('--gib', '0.5'),
        ('--gib', '0.5', '--saved-as', 'float16'),
        ('--gib', '1.3', '--dtype', 'bfloat16', '--format', 'safetensors'),
    ],
)
def test_loading_takes_little_more_memory_than_the_weights(options):
    said = run(*options)
    share = float(re.search(r'at most ([\d.]+) times', said)[1])
    assert 0.9 < share <= 1.1, said


def test_the_time_to_the_first_sample():
    said = run('--config', 'flamingo-tiny_zeroshot_caption')
    times = [float(time) for time in re.findall(r'after ([\d.]+) s', said)]
    assert len(times) == 3 and times == sorted(times)
