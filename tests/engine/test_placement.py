import gc
import sys

import pytest
import torch
from mmengine.registry import init_default_scope
from pretended_devices import pretended_devices

from mmflamingo.apis import FlamingoInferencer, get_model
from mmflamingo.engine import placement
from mmflamingo.engine.config.cli import keep_sections, load_config
from mmflamingo.engine.config.metafile import find_weights
from mmflamingo.engine.errors import CheckpointError, ConfigError
from mmflamingo.registry import RUNNERS

pytest.importorskip('accelerate')

NAME = 'flamingo-tiny_zeroshot_vqa'
CONFIG = f'configs/flamingo/{NAME}.py'
PICTURE = 'demo/cat-dog.png'
LAYERS = 'language_model.lm.model.layers'
BLOCKS = 'language_model.gated_cross_attn_layers'


def predictions(model):
    """By beam search, by transformers' search, and by ranking."""
    ask = FlamingoInferencer(model)
    question = {'question': 'What color is the background?'}
    shots = [{'image': PICTURE, 'question': 'What is it?', 'answer': 'a cat and a dog'}]
    return [
        ask([PICTURE] * 2, **question, shots=[shots, []], max_new_tokens=4),
        ask(PICTURE, **question, num_beams=1, max_new_tokens=3),
        ask(PICTURE, **question, choices=['red', 'blue and green', 'blue and red']),
    ]


@pytest.fixture(scope='module')
def expected():
    return predictions(get_model(NAME))


@pytest.mark.parametrize(
    'device_map, on_disk',
    [
        ({'vision_backbone': 'cpu', 'resampler': 'cpu', 'language_model': 'disk'}, ['language_model.lm', BLOCKS]),
        ({'': 'cpu', f'{LAYERS}.2': 'disk'}, [f'{LAYERS}.2', f'{BLOCKS}.2']),
        ({'': 'cpu', 'language_model.lm.lm_head': 'disk'}, ['language_model.lm.lm_head']),  # tied to the embeddings
    ],
)
def test_predictions_with_modules_on_the_disk(expected, tmp_path, device_map, on_disk):
    model = get_model(NAME, device_map=device_map, offload_folder=str(tmp_path / 'new'))
    offloaded = {name for name, parameter in model.named_parameters() if parameter.is_meta}
    names = {
        name for name, _ in model.named_parameters() if f'{name}.'.startswith(tuple(f'{part}.' for part in on_disk))
    }
    assert offloaded == names
    assert len(list(tmp_path.glob('new/*/*.dat'))) >= len(names) > 0 or on_disk == ['language_model.lm.lm_head']
    assert predictions(model) == expected
    del model
    gc.collect()
    assert not list((tmp_path / 'new').iterdir()), 'the copy on the disk goes with the model'


def test_auto_fills_memory_and_keeps_blocks_beside_their_layers(expected):
    model = get_model(NAME, device_map='auto', max_memory={'cpu': '26MB'})
    for number in range(6):
        devices = {
            parameter.device.type
            for part in (LAYERS, BLOCKS)
            for parameter in model.get_submodule(f'{part}.{number}').parameters()
        }
        assert len(devices) == 1
    assert {p.device.type for p in model.parameters()} == {'cpu', 'meta'}
    assert not any(p.is_meta for part in (model.vision_backbone, model.resampler) for p in part.parameters())
    assert predictions(model) == expected
    reference = get_model(NAME, device_map='auto')
    assert list(model.state_dict()) == list(reference.state_dict())
    assert not any(p.is_meta for p in reference.parameters())


def build_runner(tmp_path, **changes):
    cfg = load_config(CONFIG)
    keep_sections(cfg, 'test')
    init_default_scope('mmflamingo')
    settings = {
        'work_dir': str(tmp_path),
        'experiment_name': tmp_path.name,
        'load_from': find_weights(CONFIG),
        'test_dataloader.dataset.num_query_examples': 4,
        'test_dataloader.num_workers': 0,
        'test_dataloader.persistent_workers': False,
    }
    cfg.merge_from_dict({**settings, **changes})
    return RUNNERS.build(cfg)


def test_a_test_places_the_model_once_it_has_its_weights(tmp_path):
    scores = {}
    for name, device_map in (('one', None), ('two', {'': 'cpu', LAYERS: 'disk'})):
        runner = build_runner(tmp_path / name)
        runner.model.placement['device_map'] = device_map
        scores[name] = runner.test()
    assert scores['one'] == scores['two'] and len(scores['one'])
    assert all(parameter.is_meta for parameter in runner.model.get_submodule(LAYERS).parameters())
    with pytest.raises(CheckpointError, match='placed by model.device_map already'):
        runner.load_checkpoint(find_weights(CONFIG))


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'device_map': 'balanced'}, "model.device_map is 'balanced': give 'auto', or a dict"),
        ({'device_map': {'': 'cpu', f'{LAYERS}.7': 'disk'}}, f"no such modules. Did you mean '{LAYERS}"),
        ({'device_map': {'': 'cpu', LAYERS: 'cuda:99'}}, f"puts '{LAYERS}' on 'cuda:99': give 'cpu', 'disk'"),
        ({'device_map': {'': 'cpu', LAYERS: 'tape'}}, "on 'tape': give"),
        ({'device_map': {'vision_backbone': 'cpu'}}, 'says nothing of .* tensors, such as resampler'),
        ({'device_map': {'': 'disk'}}, r"vision_backbone and resampler would be on \['disk'\]"),
        ({'device_map': {'': 'cpu', 'resampler': 'disk'}}, r"would be on \['cpu', 'disk'\], but have to stay together"),
        ({'device_map': {'': 'cpu', f'{BLOCKS}.1': 'disk'}}, f'puts {BLOCKS}.1 elsewhere than {LAYERS}.1'),
        ({'device_map': {'': 'cpu', f'{LAYERS}.1.mlp': 'disk'}}, f'puts parts of {LAYERS}.1 on'),
        ({'device_map': 'auto', 'device': 'cpu'}, r'Either device \(cpu\) or device_map'),
    ],
)
def test_maps_that_do_not_fit(changes, message):
    with pytest.raises(ConfigError, match=message):
        get_model(NAME, **changes)


def test_without_accelerate(monkeypatch):
    monkeypatch.setitem(sys.modules, 'accelerate', None)
    with pytest.raises(ConfigError, match='needs accelerate: pip install'):
        get_model(NAME, device_map='auto')


def test_trainings_and_compiled_models_lie_on_one_device(tmp_path):
    with pytest.raises(ConfigError, match='is for tests in one process without `compile`'):
        build_runner(tmp_path, **{'model.device_map': 'auto', 'compile': True})
    runner = build_runner(tmp_path)
    runner._train_loop = {'type': 'EpochBasedTrainLoop'}
    runner.model.placement['device_map'] = 'auto'
    with pytest.raises(ConfigError, match='is for tests in one process'):
        runner.wrap_model(None, runner.model)


def test_a_quantised_language_model_stays_together():
    model = get_model(NAME)
    model.language_model.quantization = 'int8'
    with pytest.raises(ConfigError, match='do not go together'):
        placement.place(model, 'auto')


def test_the_longest_name_counts():
    places = {'': 'cpu', 'a': 0, 'a.b.1': 'disk'}
    names = ['c', 'a.c', 'a.b.1', 'a.b.1.weight', 'a.b.10', 'ab']
    assert [placement.device_of(name, places) for name in names] == ['cpu', 0, 'disk', 'disk', 0, 'cpu']
    assert placement.device_of('a', {'b': 0}) is None


@pytest.mark.parametrize(
    'split', [{'language_model': 2}, {f'{LAYERS}.2': 2, f'{LAYERS}.3': 2}, {'language_model': 2, f'{LAYERS}.0': 1}]
)
def test_several_devices(expected, monkeypatch, split):
    """Each operation gets tensors of one device, and the predictions are the same."""
    monkeypatch.setattr(placement, '_parse', lambda name, device: f'cpu:{device}')
    for method in ('__enter__', '__exit__'):  # pretended tensors only know `no_grad`
        monkeypatch.setattr(torch.inference_mode, method, lambda *_: None)
    with pretended_devices():
        model = get_model(NAME, device_map={'': 1, **split})
        places = {name: int(parameter.device.index) for name, parameter in model.named_parameters()}
        assert predictions(model) == expected
    for name, place in {**{'': 1}, **split}.items():
        own = {places[n] for n in places if n.startswith(f'{name}.') or not name}
        assert place in own
    for number in range(6):
        assert places[f'{BLOCKS}.{number}.attn.to_q.weight'] == places[f'{LAYERS}.{number}.mlp.up_proj.weight']
