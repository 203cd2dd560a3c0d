"""The numbers of mmpretrain and OpenFlamingo, as `tools/dev/parity.py --freeze` wrote them down."""

import json
import sys
from pathlib import Path

import pytest

from mmflamingo.evaluation.vqa_accuracy import vqa_accuracy

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob('*.npz'))


@pytest.fixture(scope='module')
def parity():
    sys.path.insert(0, str(HERE.parents[1] / 'tools' / 'dev'))
    try:
        from parity import frozen, ours, report, setups, systems, vision

        parts = (frozen, ours, report, setups, systems, vision)
        yield {part.__name__.removeprefix('parity.'): part for part in parts}
    finally:
        sys.path.pop(0)


def test_every_peer_is_frozen(parity):
    assert set(NAMES) == set(parity['setups'].PEERS)


@pytest.mark.parametrize('name', NAMES)
def test_equal_to_the_peer(name, parity, tmp_path):
    """Their checkpoint is read as it is; then every part gives what theirs gave, up to the tokens of three beams."""
    frozen, ours, systems = parity['frozen'], parity['ours'], parity['systems']
    checkpoint, expected = frozen.load(HERE / f'{name}.npz')
    model = ours.build(name.split('-')[1], checkpoint, ours.write_word_tokenizer(tmp_path))
    for case_name, case in parity['setups'].cases().items():
        found = ours.run(model, case, systems.generation(name), parity['setups'].PEERS[name])
        excerpt = frozen.excerpt(found)
        for key, value in expected[case_name].items():
            if key == 'ids':
                assert ours.written(found['ids']) == ours.written(value), case_name
            else:
                assert excerpt[key].shape == value.shape
                difference = (excerpt[key] - value).abs().max() / value.abs().max()
                assert difference < parity['report'].TOLERANCE, f'{case_name}, {key}'


def test_vision_transformers_of_transformers_and_open_clip(parity):
    pytest.importorskip('open_clip')
    rows = list(parity['vision'].compare())
    assert len(rows) == 6
    assert [row for row in rows if not row.passes] == []


def test_a_known_difference_passes_and_is_told(parity):
    row = parity['report'].Row('them', 'a score', 9, 3, known='known: they round')
    assert row.passes
    assert '| them | a score | 9 | 3 | 0 | known: they round |' in parity['report'].markdown([row])


def test_accuracy_is_that_of_the_vqa_script():
    cases = json.loads((HERE / 'vqa.json').read_text())
    assert len({expected for _, _, expected in cases}) > 3
    for prediction, answers, expected in cases:
        assert vqa_accuracy(prediction, answers) == pytest.approx(expected, abs=1e-9), (prediction, answers)


def test_rows_of_a_part_replace_the_former_ones_of_the_page(parity):
    report = parity['report']
    first = [report.Row('them', 'a', 9, 1), report.Row('them', 'b', 9, 0)]
    table = report.merged('', first)
    assert table == report.markdown(first)
    table = report.merged(table, [report.Row('them', 'a', 7, 0), report.Row('others', 'a', 7, 0)])
    assert table.splitlines()[2:] == [
        '| them | a | 7 | 0 | 0 | ok |',
        '| them | b | 9 | 0 | 0 | ok |',
        '| others | a | 7 | 0 | 0 | ok |',
    ]
