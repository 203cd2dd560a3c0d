import pytest

from mmflamingo.engine.metafile import find_weights

METAFILE = """
Models:
  - Name: small
    Config: configs/flamingo/small.py
    Weights: checkpoints/small.pth
  - Name: large
    Config: configs/flamingo/large.py
    Weights: https://example.com/large.pth
  - Name: bare
    Config: configs/flamingo/bare.py
"""


@pytest.fixture
def configs(tmp_path):
    folder = tmp_path / 'configs' / 'flamingo'
    folder.mkdir(parents=True)
    (folder / 'metafile.yml').write_text(METAFILE)
    return folder


def test_weights_by_config_path(configs, tmp_path):
    assert find_weights(configs / 'small.py') == str(tmp_path / 'checkpoints' / 'small.pth')
    assert find_weights(configs / 'large.py') == 'https://example.com/large.pth'


def test_none_named(configs, tmp_path):
    assert find_weights(configs / 'bare.py') is None
    assert find_weights(configs / 'other.py') is None
    assert find_weights(tmp_path / 'small.py') is None


def test_from_another_folder(configs, tmp_path, monkeypatch):
    monkeypatch.chdir(configs)
    assert find_weights('small.py') == str(tmp_path / 'checkpoints' / 'small.pth')
