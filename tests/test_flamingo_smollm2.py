"""The adapter of flamingo-smollm2-135m that ships; its language model is fetched by a tool, its eyes are flamingo-tiny's."""

from pathlib import Path
from runpy import run_path

import pytest

from mmflamingo.engine.config.cli import load_config
from mmflamingo.engine.config.metafile import find_weights
from mmflamingo.engine.config.preflight import describe, find_missing
from mmflamingo.engine.loading.safe import read_checkpoint

ROOT = Path(__file__).parent.parent
CONFIGS = sorted((ROOT / 'configs' / 'flamingo').glob('flamingo-smollm2-135m_*shot_*.py'))
WEIGHTS = find_weights(CONFIGS[0])


@pytest.mark.parametrize('config', CONFIGS, ids=lambda path: path.stem)
def test_the_metafile_knows_it(config):
    assert find_weights(config) == WEIGHTS and Path(WEIGHTS).stat().st_size < 15e6


def test_it_was_trained_with_the_eyes_that_the_configs_load():
    digest = run_path(str(ROOT / 'tools' / 'converters' / 'publish_model.py'))['digest']
    adapter = read_checkpoint(WEIGHTS)
    eyes = read_checkpoint(str(ROOT / load_config(str(CONFIGS[0])).model.vision_backbone.pretrained))['state_dict']
    assert digest(eyes, 'vision_backbone') == adapter['meta']['frozen_sha256']['vision_backbone']
    parts = {'.'.join(name.split('.')[:2]) for name in adapter['state_dict']}
    assert parts == {
        'resampler.latents',
        'resampler.layers',
        'resampler.norm',
        'language_model.gated_cross_attn_layers',
        'language_model.token_rows',
    }


def test_without_the_language_model_it_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    message = describe(list(find_missing(load_config(str(CONFIGS[0])))))
    assert 'python tools/converters/fetch_smollm2.py' in message
