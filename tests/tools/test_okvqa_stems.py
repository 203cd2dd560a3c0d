"""The comparison of stems: what it inflects, and how it counts."""

import sys
from pathlib import Path

import pytest

ANALYSIS = Path(__file__).parents[2] / 'tools' / 'dev'


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ANALYSIS))
    for name in ('okvqa_stems', 'parity', 'parity.workers'):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import okvqa_stems

    return okvqa_stems


def test_words_are_inflected(tool):
    assert [tool.with_s(word) for word in ('dog', 'box', 'baby', 'toy')] == ['dogs', 'boxes', 'babies', 'toys']
    verbs = ('run', 'ride', 'play', 'see', 'look')
    assert [tool.extended(verb, 'ing') for verb in verbs] == ['running', 'riding', 'playing', 'seeing', 'looking']


def test_the_commonest_words_come_first(tool, tmp_path):
    lines = [
        'dog%1:05:00:: 1 4',
        'cat%1:05:00:: 1 3',
        'cat%1:18:00:: 2 2',
        'run%2:38:00:: 1 9',
        'hot_dog%1:13:00:: 1 9',
    ]
    (tmp_path / 'cntlist.rev').write_text('\n'.join(lines))
    assert tool.common_words(tmp_path, 'noun') == ['cat', 'dog']
    run = ['run', 'runs', 'running', 'runner', 'runners']
    assert list(tool.families(tmp_path)) == [['cat', 'cats'], ['dog', 'dogs'], run]


def test_verdicts_are_counted(tool):
    theirs = {'dogs': 'dog', 'dog': 'dog', 'designers': 'design', 'carries': 'carries', 'carry': 'carry'}
    pairs = [('dogs', 'dog'), ('designers', 'designers'), ('carries', 'carry'), ('dog', 'carry')]
    assert tool.row('pairs', pairs, theirs) == '| pairs | 4 | 50.0 % | 1 | 1 | 1 | 1 |'
    assert 'alone: designers / designers.' in tool.examples(pairs, theirs, tool.random.Random(0))
