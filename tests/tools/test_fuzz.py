"""The fuzz driver: what it takes for a fault, and some of its cases."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fuzz(monkeypatch):
    """The driver's parts."""
    monkeypatch.syspath_prepend(str(ROOT / 'tools' / 'dev'))
    import fuzz.cases
    import fuzz.mutations
    import fuzz.running

    return fuzz


def message(text='Error: questions.json lacks 3 answers'):
    print(f'\n{text}', file=sys.stderr)
    sys.exit(1)


def crash():
    raise TypeError("'int' object is not iterable")


def run_code():
    Path('canary').touch()
    message()


WORKS = {
    'message': message,
    'right': lambda: None,
    'traceback': crash,
    'hang': lambda: time.sleep(60),
    'code run': run_code,
}


@pytest.mark.parametrize('expected', WORKS)
def test_what_came_of_a_case(fuzz, tmp_path, expected):
    case = fuzz.cases.Case('a case', WORKS[expected], lambda: None)
    run = fuzz.running.run_forked(case.work, tmp_path, 1)
    assert fuzz.cases.verdict(case, run, tmp_path)[0] == expected
    assert run.seconds < 10


@pytest.mark.parametrize('text', ['Error: 105', "Error: 'depth'", 'done', 'Error: '])
def test_a_message_that_says_nothing_is_a_traceback(fuzz, tmp_path, text):
    case = fuzz.cases.Case('a case', lambda: message(text), lambda: None)
    assert fuzz.cases.verdict(case, fuzz.running.run_forked(case.work, tmp_path, 5), tmp_path)[0] == 'traceback'


def test_a_wrong_result_without_a_message_is_silent(fuzz, tmp_path):
    case = fuzz.cases.Case('a case', lambda: None, lambda: 'acc is 3 and not 4')
    run = fuzz.running.run_forked(case.work, tmp_path, 5)
    assert fuzz.cases.verdict(case, run, tmp_path) == ('silent', 'acc is 3 and not 4')


def test_a_file_that_was_harmed_is_silent_even_with_a_message(fuzz, tmp_path):
    file = tmp_path / 'weights.pth'
    file.write_bytes(b'weights')
    case = fuzz.cases.Case('a case', lambda: (file.write_bytes(b''), message()), lambda: None, {file: b'weights'})
    verdict, detail = fuzz.cases.verdict(case, fuzz.running.run_forked(case.work, tmp_path, 5), tmp_path)
    assert verdict == 'silent' and 'weights.pth was changed' in detail


def test_a_seed_always_makes_the_same_change(fuzz):
    content = {'questions': [{'question_id': 1, 'question': 'Is it?'}] * 3}
    changes = [repr(fuzz.mutations.change_text_of_json(content, Random(seed))) for seed in range(100)]
    assert changes == [repr(fuzz.mutations.change_text_of_json(content, Random(seed))) for seed in range(100)]
    assert len(set(changes)) > 50 and content == {'questions': [{'question_id': 1, 'question': 'Is it?'}] * 3}


@pytest.mark.slow
def test_twenty_cases_end_well(tmp_path):
    command = [sys.executable, 'tools/dev/fuzz.py', '--cases', '20', '--work-dir', str(tmp_path / 'fuzz')]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r'\| all \| 20 \| \d+ \| \d+ \| 0 \| 0 \| 0 \| 0 \|', done.stdout)
