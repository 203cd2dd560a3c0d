"""The README's commands are the ones that CI runs, and the files it names are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / 'README.md').read_text()


def test_quick_start_has_the_two_commands_that_ci_runs():
    commands = [line for line in README.splitlines() if line.startswith('python3 -m venv')]
    assert len(commands) == 2
    assert 'python tools/test.py configs/flamingo/flamingo-tiny_zeroshot_caption.py' in commands[0]
    assert commands[1].endswith('pytest')


def test_linked_files_exist():
    links = re.findall(r'\]\(([^)#]+)\)', README)
    missing = [link for link in links if '://' not in link and not (ROOT / link).exists()]
    assert not missing
