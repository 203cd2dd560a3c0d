import json

import pytest

from mmflamingo.engine.config.reading import load_config
from mmflamingo.engine.errors import ConfigError, MissingFilesError

RUNS_CODE = "model: !!python/object/apply:os.mkdir ['{folder}']\n"


@pytest.mark.parametrize('name', ['a.yaml', 'a.yml'])
def test_yaml_runs_no_code(tmp_path, name):
    """R11."""
    folder = tmp_path / 'made'
    (tmp_path / name).write_text(RUNS_CODE.format(folder=folder))
    with pytest.raises(ConfigError, match=rf'{name} is not a config: configs are Python files'):
        load_config(str(tmp_path / name))
    (tmp_path / 'b.py').write_text(f"_base_ = '{name}'")
    with pytest.raises(ConfigError, match='could not determine a constructor'):
        load_config(str(tmp_path / 'b.py'))
    assert not folder.exists()


def test_json_is_no_config_but_may_be_built_on(tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps({'model': {'type': 'x'}}))
    with pytest.raises(ConfigError, match=r'a\.json is not a config'):
        load_config(str(tmp_path / 'a.json'))
    (tmp_path / 'b.py').write_text("_base_ = 'a.json'\nmodel = dict(width=2)")
    assert load_config(str(tmp_path / 'b.py')).model == dict(type='x', width=2)


def test_a_folder_is_no_config(tmp_path):
    with pytest.raises(MissingFilesError, match='is not a file'):
        load_config(str(tmp_path))


def test_text_of_another_encoding(tmp_path):
    (tmp_path / 'a.py').write_bytes(b'a = "\xff"')
    with pytest.raises(ConfigError, match=r'a\.py cannot be read'):
        load_config(str(tmp_path / 'a.py'))
