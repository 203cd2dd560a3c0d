import sys
from pathlib import Path

import pytest

from mmflamingo.engine.config.metafile import ZooModel, ZooResult, read_metafile

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / 'configs' / 'flamingo'


@pytest.fixture(scope='module')
def tools():
    sys.path.insert(0, str(ROOT / 'tools' / 'dev'))
    try:
        import docs_table
        import zoo_table

        yield {'put': docs_table.put, 'table': zoo_table.table, 'name': zoo_table.TOOL}
    finally:
        sys.path.pop(0)


def test_quoted_and_measured_scores_never_share_a_table(tools):
    quoted = ZooResult('COCO', 4, 'CIDEr', 2.0, 0.25, 'quoted', 'https://a.b/paper')
    measured = ZooResult('COCO', 0, 'CIDEr', 1.0, None, 'measured', 'python x.py')
    models = [
        ZooModel('a', Path('a.py'), None, parameters=12, results=(quoted, measured)),
        ZooModel('b', Path('b.py'), None),
    ]
    assert tools['table'](models, 'quoted').splitlines()[2:] == [
        '| [a](a.py) | 12 | COCO | CIDEr | 2.0 ± 0.2 |  | [paper](https://a.b/paper) |'
    ]
    assert tools['table'](models, 'measured').splitlines()[2:] == [
        '| [a](a.py) | 12 | COCO | CIDEr | 1.00 |  | `python x.py` |'
    ]


def test_the_readme_has_the_metafiles_table(tools):
    quoted = tools['table'](list(read_metafile(FOLDER / 'metafile.yml')), 'quoted')
    page = (FOLDER / 'README.md').read_text()
    assert page == tools['put'](page, quoted, tools['name']), 'run python tools/dev/zoo_table.py'


def test_a_table_between_marks(tools):
    page = 'a\n<!-- made by x.py -->\nold\n<!-- end -->\nb\n<!-- made by y.py -->\n<!-- end -->\n'
    once = tools['put'](page, 'new\n', 'x.py')
    assert once == page.replace('\nold\n', '\n\nnew\n\n')
    assert tools['put'](once, 'new\n', 'x.py') == once
    assert tools['put'](page, 'c\n', 'y.py').startswith('a\n<!-- made by x.py -->\nold\n')
    for broken in ('text', '<!-- end -->\n<!-- made by x.py -->\n'):
        with pytest.raises(ValueError, match='needs a line'):
            tools['put'](broken, 'new\n', 'x.py')
