"""Hugging Face folders that are damaged, hostile, or not what their config.json says."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, CLIPVisionConfig, CLIPVisionModel

from mmflamingo.models.backbones import HFVisionBackbone
from mmflamingo.models.language.hf_lm import build_lm
from mmflamingo.models.pretraining.causal_lm import CausalLMPretraining
from mmflamingo.models.tokenizers import FlamingoTokenizer

ADVICE = (
    'trust_remote_code=True',
    'weights_only',
    'safe_globals',
    'ignore_mismatched_sizes',
    'huggingface.co',
    'hf.co',
)
LFS = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n'


def build(folder):
    return build_lm(str(folder), None, 'float32')


def see(folder):
    return HFVisionBackbone(str(folder))


def tokenize(folder):
    return FlamingoTokenizer(str(folder))


@pytest.fixture(scope='module')
def folders(tmp_path_factory, families, write_tokenizer):
    """Sound folders of a language model with tied embeddings, a vision model, and a tokenizer."""
    root = tmp_path_factory.mktemp('folders')
    settings = {'model_type': 'llama', **families['llama'], 'tie_word_embeddings': True}
    AutoModelForCausalLM.from_config(AutoConfig.for_model(**settings)).save_pretrained(root / 'lm')
    sizes = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2)
    CLIPVisionModel(CLIPVisionConfig(**sizes, image_size=8, patch_size=4)).save_pretrained(root / 'vision')
    write_tokenizer(root / 'tokenizer')
    return root


@pytest.fixture
def copy_of(folders, tmp_path):
    def copy(kind):
        return Path(shutil.copytree(folders / kind, tmp_path / kind))

    return copy


def edit(folder, **changes):
    path = folder / 'config.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_tensors(folder, change):
    tensors = load_file(folder / 'model.safetensors')
    change(tensors)
    save_file(tensors, folder / 'model.safetensors', metadata={'format': 'pt'})


def refused(read, folder, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(folder)
    text = str(caught.value)
    assert str(folder) in text and not any(word in text for word in ADVICE), text


@pytest.mark.parametrize(('kind', 'read'), [('lm', build), ('vision', see), ('tokenizer', tokenize)])
def test_sound_folders(copy_of, kind, read):
    read(copy_of(kind))


@pytest.mark.parametrize(('kind', 'read'), [('lm', build), ('vision', see)])
@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('model.safetensors', LFS, 'a git-lfs pointer'),
        ('model.safetensors', '', r'empty \(0 bytes\)'),
        ('model.safetensors', 'x' * 1000, 'not a safetensors file, or is cut off'),
        ('model.safetensors', None, 'it has no weights: none of model.safetensors'),
        ('config.json', LFS, 'a git-lfs pointer'),
        ('config.json', '{"model_type": "llama",}', 'config.json is not valid JSON'),
        ('config.json', '{"a":' * 10**5, 'nested too deep'),
        ('config.json', '[1]', 'holds a list, expected settings'),
        ('config.json', '{}', 'No .* model could be read'),
        ('config.json', None, 'it has no config.json|No vision model could be read'),
        ('generation_config.json', '{', 'generation_config.json is not valid JSON'),
    ],
)
def test_files_that_are_broken(copy_of, kind, read, name, content, message):
    """A20, R20: library tracebacks without a path."""
    folder = copy_of(kind)
    (folder / name).unlink(missing_ok=True)
    if content is not None:
        (folder / name).write_text(content)
    refused(read, folder, message)


@pytest.mark.parametrize(('kind', 'read'), [('lm', build), ('vision', see)])
def test_weights_that_are_cut_off_or_pipes(copy_of, kind, read):
    folder = copy_of(kind)
    weights = folder / 'model.safetensors'
    weights.write_bytes(weights.read_bytes()[:-10])
    refused(read, folder, 'it is cut off or damaged')
    weights.unlink()
    os.mkfifo(weights)
    refused(read, folder, 'a named pipe')


def test_bit_rot_in_a_bin_file(copy_of):
    folder = copy_of('lm')
    tensors = load_file(folder / 'model.safetensors')
    (folder / 'model.safetensors').unlink()
    torch.save(tensors, folder / 'pytorch_model.bin')
    build(folder)
    content = bytearray((folder / 'pytorch_model.bin').read_bytes())
    content[content.index(tensors['model.embed_tokens.weight'].numpy().tobytes()) + 99] ^= 1
    (folder / 'pytorch_model.bin').write_bytes(content)
    refused(build, folder, 'Bad CRC-32')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'num_hidden_layers': 3}, r'(?s)unexpected:.*model.layers.3.input_layernorm.weight'),
        ({'num_hidden_layers': 5}, r'(?s)missing:.*model.layers.4.input_layernorm.weight'),
        ({'intermediate_size': 48}, r'(?s)of another shape:.*down_proj.weight \(32, 64\) \(config.json: \(32, 48\)\)'),
        ({'vocab_size': 41}, r'(?s)of another shape:.*embed_tokens.weight \(40, 32\) \(config.json: \(41, 32\)\)'),
        ({'vocab_size': 10**12}, 'No language model could be read|of another shape'),
        ({'hidden_size': 'x'}, 'expected int, got str'),
        ({'num_attention_heads': 0}, 'No language model could be read'),
        ({'dtype': 'os.system'}, 'No language model could be read'),
        ({'model_type': 'evil'}, 'No language model could be read.*evil'),
        ({'attn_implementation': 'kernels-community/flash'}, 'names code of the hub as attn_implementation'),
    ],
)
def test_a_config_of_another_model(copy_of, changes, message):
    """A20; fewer layers than the file has were loaded, silently."""
    folder = copy_of('lm')
    edit(folder, **changes)
    if 'dtype' in changes:  # the config's own is never asked for
        return build(folder)
    return refused(build, folder, message)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            lambda t: t.update({'lm_head.weight': t['model.embed_tokens.weight'] + 1}),
            'two names, two values:.*lm_head.weight',
        ),
        (
            lambda t: t.update({'model.norm.weight': torch.ones(32, dtype=torch.int64)}),
            'not floats:.*model.norm.weight int64',
        ),
        (
            lambda t: t.update({'model.norm.weight': torch.ones(32, dtype=torch.bool)}),
            'not floats:.*model.norm.weight bool',
        ),
        (lambda t: t['model.norm.weight'].fill_(float('nan')), 'NaN, infinite.*model.norm.weight'),
        (lambda t: t.update({'model.layers.0.self_attn.q_proj.bias': torch.ones(32)}), 'unexpected:.*q_proj.bias'),
        (lambda t: t.pop('model.norm.weight'), 'missing:.*model.norm.weight'),
    ],
)
def test_weights_that_cannot_be_right(copy_of, change, message):
    """A16, R8: all of them were loaded, silently, but for the missing one."""
    folder = copy_of('lm')
    change_tensors(folder, change)
    refused(build, folder, f'(?s){message}')
    refused(lambda folder: CausalLMPretraining(pretrained=str(folder)), folder, f'(?s){message}')


def test_weights_too_large_for_the_dtype(copy_of):
    folder = copy_of('lm')
    change_tensors(folder, lambda t: t['model.norm.weight'].fill_(1e5))
    build(folder)
    with pytest.raises(ValueError, match='too large for the dtype'):
        build_lm(str(folder), None, 'float16')


def test_harmless_differences_pass(copy_of):
    """A15: a tied head may be there as a copy, and old buffers and other parts of a larger model as well."""
    folder = copy_of('lm')

    def add(tensors):
        tensors['lm_head.weight'] = tensors['model.embed_tokens.weight'].clone()
        tensors['model.layers.0.self_attn.rotary_emb.inv_freq'] = torch.ones(4)
        tensors['vision_tower.layers.0.weight'] = torch.ones(1)

    change_tensors(folder, add)
    lm = build(folder)
    assert lm.get_output_embeddings().weight is lm.get_input_embeddings().weight


def write_code(folder, *classes):
    """Python that tells when it runs, and the entries that lead there."""
    (folder / 'evil.py').write_text(
        'from pathlib import Path\nPath(__file__).with_name("ran").touch()\nraise SystemExit\n'
    )
    return {name: f'evil.{name}' for name in classes}


@pytest.mark.parametrize(('kind', 'read'), [('lm', build), ('vision', see), ('tokenizer', tokenize)])
def test_no_code_of_a_folder_runs_and_nobody_is_asked(copy_of, monkeypatch, kind, read):
    """R12: it ran after a 'y' on stdin."""
    monkeypatch.setattr('builtins.input', lambda *args: pytest.fail('asked'))
    folder = copy_of(kind)
    code = write_code(folder, 'AutoConfig', 'AutoModelForCausalLM', 'AutoModel')
    tokenizer_code = {'AutoTokenizer': ['evil.Slow', 'evil.Fast']}
    (folder / 'tokenizer_config.json').write_text(json.dumps({'tokenizer_class': 'Evil', 'auto_map': tokenizer_code}))
    if kind == 'tokenizer':
        (folder / 'tokenizer.json').unlink()
    else:
        edit(folder, model_type='evil', auto_map=code)
    refused(read, folder, 'Python (code|file)')
    assert not list(folder.parent.rglob('ran'))


def test_a_tokenizer_takes_no_leave_to_run_code(copy_of):
    folder = copy_of('tokenizer')
    with pytest.raises(ValueError, match='code that lies beside .* is never run'):
        FlamingoTokenizer(str(folder), trust_remote_code=True)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('tokenizer.json', LFS, 'a git-lfs pointer'),
        ('tokenizer.json', '{"model": {', 'tokenizer.json is not valid JSON'),
        ('tokenizer.json', '[' * 10**5, 'nested too deep'),
        ('tokenizer.json', '{}', 'No tokenizer of the class AutoTokenizer could be read'),
        ('tokenizer.json', '[1]', 'No tokenizer of the class AutoTokenizer could be read'),
        ('tokenizer.json', '', 'empty'),
        ('tokenizer.model', '', 'empty'),
        ('tokenizer_config.json', '[1]', 'expected settings'),
        ('tokenizer_config.json', '{"tokenizer_class": 5}', 'No tokenizer'),
        ('tokenizer_config.json', b'\xff\xfe', 'not UTF-8'),
    ],
)
def test_tokenizer_files_that_are_broken(copy_of, name, content, message):
    folder = copy_of('tokenizer')
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(tokenize, folder, message)


def test_large_broken_json_is_named_by_its_folder(copy_of):
    folder = copy_of('tokenizer')
    (folder / 'tokenizer.json').write_text('{"a": "' + 'x' * 2**20)
    refused(tokenize, folder, 'No tokenizer of the class AutoTokenizer could be read')


def test_gguf_files_that_are_none(tmp_path):
    path = tmp_path / 'a.gguf'
    for content, message in [
        ('', 'empty'),
        (LFS, 'git-lfs'),
        ('text', 'not a GGUF file'),
        ('GGUF\3\0\0', 'No language model'),
    ]:
        path.write_text(content)
        refused(build, path, message)
    path.unlink()
    os.mkfifo(path)
    refused(build, path, 'a named pipe')
