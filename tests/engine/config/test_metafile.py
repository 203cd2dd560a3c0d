from pathlib import Path

import pytest

from mmflamingo.engine.config.metafile import find_weights, published_sha256, read_metafile
from mmflamingo.engine.errors import ConfigError
from mmflamingo.engine.testing.file_digests import digest_file
from mmflamingo.paths import CONFIGS

METAFILE = """
Models:
  - Name: small
    Config: configs/flamingo/small.py
    Weights: checkpoints/small.pth
  - Name: large
    Config: configs/flamingo/large.py
    Weights: https://example.com/large.pth
    Metadata: {Parameters: 12}
    Results:
      - {Task: any, Dataset: COCO, Split: test, Shots: 4, Metrics: {CIDEr: 1.5}, Origin: quoted, Source: https://a.b}
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


def test_results_say_where_they_come_from(configs):
    path = configs / 'metafile.yml'
    small, large, _ = read_metafile(path)
    assert small.parameters is None and small.results == ()
    (result,) = large.results
    assert (large.parameters, result.benchmark, result.shots) == (12, 'COCO test', 4)
    assert (result.metric, result.score, result.deviation) == ('CIDEr', 1.5, None)
    assert (result.origin, result.source) == ('quoted', 'https://a.b')
    for instead in ('', 'Origin: heard, Source: https://a.b', 'Origin: measured'):
        path.write_text(METAFILE.replace('Origin: quoted, Source: https://a.b', instead))
        with pytest.raises(ConfigError, match='metafile.yml: large has the CIDEr 1.5 .* quoted or measured'):
            list(read_metafile(path))


@pytest.mark.parametrize('value', ['abc', '12', "'E327'", '[1]'])
def test_a_checksum_has_64_digits(configs, value):
    path = configs / 'metafile.yml'
    path.write_text(METAFILE.replace('small.pth', f'small.pth\n    SHA256: {value}'))
    with pytest.raises(ConfigError, match='small has the SHA256 .*, expected 64 hexadecimal digits in quotes'):
        list(read_metafile(path))


def test_shipped_weights_have_their_checksum():
    """R8: bit rot was loaded, silently."""
    models = [model for model in read_metafile(CONFIGS / 'flamingo' / 'metafile.yml') if model.weights]
    shipped = {Path(model.weights): model.sha256 for model in models if '://' not in model.weights}
    assert len(shipped) == 2
    for path, sha256 in shipped.items():
        assert digest_file(path) == sha256 == published_sha256(path)
    assert published_sha256('elsewhere.pth') is None
