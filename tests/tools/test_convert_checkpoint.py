import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mmflamingo.engine.loading.safe import read_checkpoint

TINY = Path(__file__).parents[2] / 'checkpoints' / 'flamingo-tiny' / 'flamingo-tiny_emoji-scenes.pth'


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_there_and_back(run_tool, tmp_path):
    for source, out, to in [
        (TINY, 'v2.pt', 'openflamingo_v2'),
        ('v2.pt', 'v1.safetensors', 'openflamingo_v1'),
        ('v1.safetensors', 'openmmlab.pth', 'openmmlab'),
        ('openmmlab.pth', 'ours.pth', 'mmflamingo'),
    ]:
        assert run_tool('converters/convert_checkpoint', source, out, '--to', to) == 0
    assert next(iter(read_checkpoint('v2.pt')['model_state_dict'])).startswith('module.')
    assert equal(read_checkpoint('ours.pth')['state_dict'], read_checkpoint(str(TINY))['state_dict'])


def test_keys_that_do_not_tell_the_decoder_layers(run_tool, tmp_path, capfd):
    torch.save({'language_model.gated_cross_attn_layers.1.attn_gate': torch.zeros(1)}, 'adapter.pth')
    arguments = ('converters/convert_checkpoint', 'adapter.pth', 'out.pth', '--to', 'openmmlab')
    assert run_tool(*arguments) == 1
    assert 'give --layers-path, one of gpt_neox.layers, model.decoder.layers' in capfd.readouterr().err
    assert run_tool(*arguments, '--layers-path', 'model.layers') == 0
    (key,) = read_checkpoint('out.pth')['state_dict']
    assert key == 'lang_encoder.model.layers.1.gated_cross_attn_layer.attn_gate'


@pytest.mark.parametrize('keys', [['transformer.h.0.weight'], ['conv1.weight', 'lang_encoder.model.layers.0.x']])
def test_files_of_other_models(run_tool, tmp_path, capfd, keys):
    torch.save({key: torch.zeros(1) for key in keys}, 'other.pth')
    arguments = ('converters/convert_checkpoint', 'other.pth', 'out.pth', '--to', 'openmmlab')
    assert run_tool(*arguments, '--layers-path', 'model.layers') == 1
    assert (
        f'other.pth is not a Flamingo of mmflamingo, openmmlab, openflamingo_v1, openflamingo_v2: it has {keys[0]}'
        in (capfd.readouterr().err)
    )
    assert not Path('out.pth').exists()


@pytest.mark.parametrize('name', ['in.pth', 'hard.pth', 'soft.pth'])
@pytest.mark.parametrize('tool', ['convert_checkpoint', 'fold_gates'])
def test_the_input_is_never_the_output(run_tool, capfd, tool, name):
    """R4: a mapped file that is written to takes the process and the checkpoint along."""
    torch.save({'state_dict': {'language_model.lm.model.layers.0.x': torch.ones(2)}}, 'in.pth')
    before = Path('in.pth').read_bytes()
    Path('hard.pth').hardlink_to('in.pth')
    Path('soft.pth').symlink_to('in.pth')
    options = ('--to', 'openmmlab') if tool == 'convert_checkpoint' else ()
    assert run_tool(f'converters/{tool}', 'in.pth', name, *options) == 1
    assert f'{name} is the file that is read' in capfd.readouterr().err
    assert Path('in.pth').read_bytes() == before


def test_a_shard_of_the_input_is_not_the_output(run_tool, capfd):
    Path('in').mkdir()
    save_file({'language_model.lm.model.layers.0.x': torch.ones(2)}, 'in/model.safetensors')
    arguments = ('converters/convert_checkpoint', 'in', 'in/model.safetensors', '--to', 'mmflamingo')
    assert run_tool(*arguments) == 1
    assert 'is the file that is read' in capfd.readouterr().err


def test_a_folder_of_shards_is_read(run_tool):
    """A5."""
    Path('in').mkdir()
    keys = [f'language_model.lm.model.layers.{n}.x' for n in range(2)]
    for n, key in enumerate(keys):
        save_file({key: torch.full((2,), n)}, f'in/{n}.safetensors')
    index = {'weight_map': {key: f'{n}.safetensors' for n, key in enumerate(keys)}}
    Path('in/model.safetensors.index.json').write_text(json.dumps(index))
    assert run_tool('converters/convert_checkpoint', 'in', 'out.safetensors', '--to', 'mmflamingo') == 0
    out = read_checkpoint('out.safetensors')
    assert out.keys() == set(keys) and torch.equal(out[keys[1]], torch.full((2,), 1))


def test_an_output_that_cannot_be_written_is_said_before(run_tool, capfd):
    assert run_tool('converters/convert_checkpoint', 'nowhere.pth', '/dev/null', '--to', 'mmflamingo') == 1
    assert '/dev/null cannot be written: it exists and is not a regular file' in capfd.readouterr().err
