"""Every config reads, and names only parts and arguments that there are."""

from pathlib import Path

import pytest

from mmflamingo.engine.config.check import check_config
from mmflamingo.engine.config.cli import load_config
from mmflamingo.engine.config.metafile import find_weights

ROOT = Path(__file__).parent.parent
CONFIGS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / 'configs').rglob('*.py') if '_base_' not in path.parts)
SEED_CONFIGS = (
    'flamingo_zeroshot_caption.py',
    'flamingo_zeroshot_vqa.py',
    'flamingo_fewshot_caption.py',
    'flamingo_fewshot_vqa.py',
)


@pytest.mark.parametrize('config', CONFIGS)
def test_config_is_sound(config, monkeypatch):
    monkeypatch.chdir(ROOT)
    check_config(load_config(config))


def test_the_seed_names_are_there():
    assert {f'configs/flamingo/{name}' for name in SEED_CONFIGS} <= set(CONFIGS)


@pytest.mark.parametrize('config', [c for c in CONFIGS if 'flamingo-tiny_zero' in c])
def test_weights_of_the_zero_shot_configs_ship(config, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert Path(find_weights(config)).is_file()
