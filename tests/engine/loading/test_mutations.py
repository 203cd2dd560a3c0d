"""Small checkpoints of every layout with flipped bits, cut ends and moved pieces: a CheckpointError, or the right weights."""

import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from mmflamingo.engine.errors import CheckpointError
from mmflamingo.engine.loading.fit import load_state_dict_strictly, state_dict_for
from mmflamingo.engine.loading.safe import read_checkpoint
from mmflamingo.models.checkpoints.fit import is_finite

SETTINGS = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


class Model(nn.Module):
    """Linear layers, a tied one, a count."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(5, 4), nn.Linear(5, 4)
        self.head.weight = self.body.weight
        self.register_buffer('count', torch.tensor(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x)


def write_archive(state_dict, folder, is_archive=True):
    torch.save({'state_dict': state_dict}, folder / 'a.pth', _use_new_zipfile_serialization=is_archive)
    return folder / 'a.pth'


def write_v2(state_dict, folder):
    state_dict = {f'module.{key}': value for key, value in state_dict.items()}
    torch.save({'epoch': 1, 'model_state_dict': state_dict}, folder / 'a.pt')
    return folder / 'a.pt'


def write_script(state_dict, folder):
    model = Model()
    model.load_state_dict(state_dict)
    torch.jit.save(torch.jit.trace(model, torch.zeros(1, 5)), folder / 'a.pt')
    return folder / 'a.pt'


def write_safetensors(state_dict, folder):
    save_file({key: value.clone() for key, value in state_dict.items()}, folder / 'a.safetensors')
    return folder / 'a.safetensors'


def write_shards(state_dict, folder, save=save_file, ending='safetensors'):
    weight_map = {key: f'{number % 2}.{ending}' for number, key in enumerate(state_dict)}
    for file in sorted(set(weight_map.values())):
        save({key: value.clone() for key, value in state_dict.items() if weight_map[key] == file}, folder / file)
    (folder / f'model.{ending}.index.json').write_text(json.dumps({'weight_map': weight_map}))
    return folder


LAYOUTS = {  # and whether checksums cover everything
    'archive': (write_archive, True),
    'v2': (write_v2, True),
    'TorchScript': (write_script, True),
    'shards of torch': (
        lambda state_dict, folder: write_shards(state_dict, folder, torch.save, 'bin'),
        False,
    ),  # but the index
    'old': (lambda state_dict, folder: write_archive(state_dict, folder, is_archive=False), False),
    'safetensors': (write_safetensors, False),
    'shards': (write_shards, False),
}


@st.composite
def mutations(draw):
    """A change of bytes, at places that are shares of the file."""
    share = st.floats(0, 1, exclude_max=True)
    kind = draw(st.sampled_from(['flip', 'cut', 'drop', 'double', 'zero', 'swap']))
    return kind, draw(share), draw(share), draw(st.integers(0, 7))


def mutate(content, kind, first, second, bit):
    start, end = sorted((int(first * len(content)), int(second * len(content))))
    changed = bytearray(content)
    if kind == 'flip':
        changed[start] ^= 1 << bit
    elif kind == 'cut':
        del changed[start:]
    elif kind == 'drop':
        del changed[start : start + bit + 1]
    elif kind == 'double':
        changed[end:end] = changed[start : start + 64]
    elif kind == 'zero':
        changed[start : start + 16] = bytes(len(changed[start : start + 16]))
    else:
        changed[start], changed[end] = changed[end], changed[start]
    return bytes(changed)


@pytest.mark.parametrize('layout', LAYOUTS)
@SETTINGS
@given(mutation=mutations(), which=st.integers(0, 2))
def test_a_changed_checkpoint_is_an_error_or_right(layout, mutation, which):
    write, has_checksums = LAYOUTS[layout]
    torch.manual_seed(0)
    right = Model().state_dict()
    with TemporaryDirectory() as folder:
        path = write(right, Path(folder))
        files = sorted(Path(folder).iterdir())
        file = files[which % len(files)]
        content = file.read_bytes()
        file.write_bytes(mutate(content, *mutation))
        model = Model()
        try:
            state_dict = state_dict_for(model, read_checkpoint(str(path)), str(path))
            load_state_dict_strictly(model, state_dict, str(path), assign=True)
        except CheckpointError as error:
            assert str(folder) in str(error) and 'weights_only' not in str(error) and len(str(error)) < 1500
            return
    found = model.state_dict()
    assert model.head.weight is model.body.weight
    if has_checksums:
        assert all(torch.equal(found[key], value) for key, value in right.items())
    assert all(found[key].shape == value.shape and found[key].dtype == value.dtype for key, value in right.items())
    assert all(is_finite(value) for value in found.values() if value.is_floating_point())


@SETTINGS
@given(
    wrappers=st.lists(st.sampled_from(['state_dict', 'model_state_dict', 'model', 'module', 'ema']), max_size=2),
    prefixes=st.lists(st.sampled_from(['module.', '_orig_mod.', 'model.', '_forward_module.', 'net.']), max_size=3),
    left_out=st.sampled_from([None, 'head.weight', 'body.weight']),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_harmless_differences_pass(wrappers, prefixes, left_out, dtype):
    """A15."""
    model, right = Model(), Model().state_dict()
    checkpoint = {
        ''.join(prefixes) + key: value.to(dtype) if value.is_floating_point() else value
        for key, value in right.items()
        if key != left_out
    }
    for wrapper in wrappers:
        checkpoint = {'epoch': 3, wrapper: checkpoint}
    load_state_dict_strictly(model, state_dict_for(model, checkpoint, 'a.pth'), 'a.pth', assign=True)
    assert all(torch.equal(model.state_dict()[key], value) for key, value in right.items())


@SETTINGS
@given(st.binary(max_size=300), st.sampled_from(['a.pth', 'a.pt', 'a.safetensors', 'a.index.json', 'a.zip']))
def test_any_bytes_are_an_error_that_names_the_file(content, name):
    with TemporaryDirectory() as folder:
        for start in (b'', b'PK\x03\x04', b'\x80\x02', (40).to_bytes(8, 'little') + b'{'):
            (Path(folder) / name).write_bytes(start + content)
            with pytest.raises(CheckpointError, match=name):
                state_dict_for(Model(), read_checkpoint(f'{folder}/{name}'), f'{folder}/{name}')


@SETTINGS
@given(
    st.dictionaries(
        st.sampled_from(['a/data.pkl', 'a/version', 'a/data/0', 'a/constants.pkl', '../x']), st.binary(max_size=50)
    )
)
def test_any_archive_is_an_error_that_names_the_file(members):
    with TemporaryDirectory() as folder:
        with zipfile.ZipFile(f'{folder}/a.pth', 'w') as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        with pytest.raises(CheckpointError, match='a.pth'):
            state_dict_for(Model(), read_checkpoint(f'{folder}/a.pth'), 'a.pth')
