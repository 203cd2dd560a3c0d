import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(not Path('/proc/self/clear_refs').exists(), reason='only Linux tells the peak of a process')
@pytest.mark.parametrize('options', [(), ('--saved-as', 'float16')])
def test_loading_takes_little_more_memory_than_the_weights(options):
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''}
    command = [sys.executable, str(ROOT / 'tools' / 'analysis' / 'loading.py'), '--gib', '0.5', *options]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env).stdout
    share = float(re.search(r'at most ([\d.]+) times', said)[1])
    limit = 1.6 if 'float16' in options else 1.1  # a file of another dtype is mapped beside the weights
    assert 0.9 < share <= limit, said
