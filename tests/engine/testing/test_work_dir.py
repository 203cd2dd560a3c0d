import errno
import subprocess
import sys
from pathlib import Path

import pytest

from mmflamingo.engine.errors import RunError
from mmflamingo.engine.testing.work_dir import claim, make_run_folder, unfinished_run

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


def test_a_test_and_a_training_may_share_a_work_dir(tmp_path, other_process):
    claim(tmp_path, 'train').close()


def test_where_nothing_can_be_locked_it_is_said(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr('mmflamingo.engine.testing.work_dir.fcntl.lockf', refuse)
    messages = []
    monkeypatch.setattr('mmflamingo.engine.testing.work_dir.print_log', lambda message, *_: messages.append(message))
    claim(tmp_path).close()
    assert 'cannot be locked (' in messages[0] and 'in use' not in messages[0]


@pytest.mark.parametrize(
    ('there', 'name'),
    [
        ([], '20260101_120000'),
        (['20251231_235959', 'features', '20270101'], '20260101_120000'),
        (['20260101_120000'], '20260101_120000_001'),  # two runs in one second
        (['20260101_120000', '20260101_120000_009'], '20260101_120000_010'),
        (['20260301_000000', '20260101_120000'], '20260301_000000_001'),  # the clock was set back
    ],
)
def test_run_folders_never_collide_and_sort_as_runs_began(tmp_path, there, name):
    for folder in there:
        (tmp_path / folder).mkdir()
    assert make_run_folder(tmp_path, '20260101_120000') == name
    assert max(path.name for path in tmp_path.glob('*_*')) == name and (tmp_path / name).is_dir()
    assert make_run_folder(tmp_path, '20260101_120000') > name
