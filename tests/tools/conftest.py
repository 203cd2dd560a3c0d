import sys
from pathlib import Path
from runpy import run_path

import pytest
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

from mmflamingo.visualization import FlamingoVisualizer

ROOT = Path(__file__).parents[2]
TOY_FOLDER = ROOT / 'tests' / 'engine'


@pytest.fixture
def toy_config():
    return str(TOY_FOLDER / 'toy_config.py')


@pytest.fixture
def run_tool(monkeypatch, tmp_path):
    """Runs `tools/NAME.py ARGUMENTS` in this process and returns its exit code."""
    monkeypatch.syspath_prepend(str(TOY_FOLDER))
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        for singletons in (DefaultScope, MessageHub, MMLogger, Visualizer, FlamingoVisualizer):
            singletons._instance_dict.clear()  # as in a process of its own
        try:
            run_path(str(ROOT / 'tools' / f'{name}.py'), run_name='__main__')
        except SystemExit as end:
            return end.code
        return 0

    return run
