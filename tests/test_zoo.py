"""OpenFlamingo's configs: one a model and benchmark, in the metafile, with the protocol of its paper."""

from pathlib import Path

import pytest

from mmflamingo.engine.config.cli import load_config
from mmflamingo.engine.config.metafile import read_metafile

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / 'configs' / 'flamingo'
SHOTS = (0, 4, 8, 16, 32)
MODELS = {model.config.stem: model for model in read_metafile(FOLDER / 'metafile.yml')}
V2 = [
    f'openflamingo-{size}_{benchmark}'
    for size in ('3b', '3b-instruct', '4b', '4b-instruct', '9b')
    for benchmark in ('coco', 'vqav2')
]


def test_every_config_of_openflamingo_is_listed_with_its_published_scores():
    assert {path.stem for path in FOLDER.glob('openflamingo-*.py')} == set(V2)
    for name in V2:
        assert [result.shots for result in MODELS[name].results] == list(SHOTS)
        assert {result.origin for result in MODELS[name].results} == {'quoted'}
    for task in ('caption', 'vqa'):
        shots = [r.shots for kind in ('zeroshot', 'fewshot') for r in MODELS[f'flamingo_{kind}_{task}'].results]
        assert shots == list(SHOTS)


@pytest.mark.parametrize('name', V2)
def test_the_protocol_of_v2(name):
    cfg = load_config(str(FOLDER / f'{name}.py'))
    task = 'caption' if name.endswith('coco') else 'vqa'
    prompt = cfg.model.prompts[task]
    assert cfg.model.language_model.media_index == 'preceding'
    assert prompt.shot.endswith('<|endofchunk|>\n')
    assert prompt.generation == {
        'num_beams': 3,
        'max_new_tokens': 20 if task == 'caption' else 5,
        'length_penalty': 0.0,
    }
    dataset = cfg.test_dataloader.dataset
    assert (dataset.num_shots, dataset.zero_shot_text_only, dataset.num_support_examples) == (0, 2, 2048)
    assert not cfg.model.tokenizer.add_bos, "GPT-NeoX's tokenizer puts no token first"


def test_only_mpt_1b_runs_code_of_others():
    trusting = {
        name for name in V2 if load_config(str(FOLDER / f'{name}.py')).model.language_model.get('trust_remote_code')
    }
    assert trusting == {name for name in V2 if '-3b' in name}
