"""The numbers of mmpretrain and OpenFlamingo, as `tools/analysis/parity.py models --freeze` wrote them down."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob('*.npz'))


@pytest.fixture(scope='module')
def parity():
    sys.path.insert(0, str(HERE.parents[1] / 'tools' / 'analysis'))
    try:
        from parity import frozen, ours, report, setups, systems

        yield {'frozen': frozen, 'ours': ours, 'report': report, 'setups': setups, 'systems': systems}
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
