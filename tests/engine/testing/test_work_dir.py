import subprocess
import sys
from pathlib import Path

import pytest

from mmflamingo.engine.errors import RunError
from mmflamingo.engine.testing.work_dir import claim, unfinished_run

HOLD = """
import sys, time
from mmflamingo.engine.testing.work_dir import claim
lock = claim(sys.argv[1])
print('claimed', flush=True)
time.sleep(60)
"""


@pytest.fixture
def other_process(tmp_path):
    """Another process that tests into the folder."""
    process = subprocess.Popen([sys.executable, '-c', HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'claimed\n'
    yield process
    process.kill()
    process.wait()


def test_two_processes_never_share_a_work_dir(tmp_path, other_process):
    with pytest.raises(RunError, match=f'{tmp_path} is in use by process {other_process.pid} on .* --work-dir'):
        claim(tmp_path)
    other_process.kill()
    other_process.wait()
    claim(tmp_path).close()


def test_the_newest_unfinished_run(tmp_path):
    assert unfinished_run(tmp_path) is None
    for name, file in (('1', 'journal.rank0.jsonl'), ('2', 'journal.rank1.jsonl'), ('3', 'predictions.jsonl')):
        (tmp_path / name).mkdir()
        Path(tmp_path, name, file).write_text('')
    assert unfinished_run(tmp_path) == '2'
