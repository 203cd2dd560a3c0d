from pathlib import Path
from runpy import run_path

import pytest

from mmflamingo.engine.metafile import ZooModel, ZooResult, read_metafile

ROOT = Path(__file__).parents[2]
TOOL = run_path(str(ROOT / 'tools' / 'analysis' / 'zoo_table.py'))
FOLDER = ROOT / 'configs' / 'flamingo'


def test_quoted_and_measured_scores_never_share_a_table():
    quoted = ZooResult('COCO', 4, 'CIDEr', 2.0, 0.25, 'quoted', 'https://a.b/paper')
    measured = ZooResult('COCO', 0, 'CIDEr', 1.0, None, 'measured', 'python x.py')
    models = [ZooModel('a', Path('a.py'), None, 12, (quoted, measured)), ZooModel('b', Path('b.py'), None)]
    assert TOOL['table'](models, 'quoted').splitlines()[2:] == [
        '| [a](a.py) | 12 | COCO | CIDEr | 2.0 ± 0.2 |  | [paper](https://a.b/paper) |'
    ]
    assert TOOL['table'](models, 'measured').splitlines()[2:] == [
        '| [a](a.py) | 12 | COCO | CIDEr | 1.00 |  | `python x.py` |'
    ]


def test_the_readme_has_the_metafiles_table():
    models = list(read_metafile(FOLDER / 'metafile.yml'))
    text = (FOLDER / 'README.md').read_text()
    assert text == TOOL['write_into'](text, TOOL['table'](models, 'quoted')), 'run python tools/analysis/zoo_table.py'


def test_a_readme_without_marks():
    with pytest.raises(ValueError, match='needs one line'):
        TOOL['write_into']('text', 'table')
