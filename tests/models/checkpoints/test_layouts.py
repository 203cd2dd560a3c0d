"""Whole Flamingos in the layouts of other systems; their keys as facts, written out by hand."""

import pytest
import torch

from mmflamingo.engine.errors import CheckpointError
from mmflamingo.engine.loading.fit import load_state_dict_strictly, state_dict_for
from mmflamingo.models.checkpoints import SYSTEMS, checkpoint_for, clip_vision_state_dict, flamingo_state_dict
from mmflamingo.models.checkpoints.unwrapping import unwrap

OPENMMLAB_VISION = {
    'class_embedding': 'cls_token',
    'position_embedding': 'pos_embed',
    'patch_embed.weight': 'patch_embed.projection.weight',
    'ln_pre.weight': 'pre_norm.weight',
    'ln_pre.bias': 'pre_norm.bias',
    'blocks.0.ln1.weight': 'layers.0.ln1.weight',
    'blocks.0.ln1.bias': 'layers.0.ln1.bias',
    'blocks.0.qkv.weight': 'layers.0.attn.qkv.weight',
    'blocks.0.qkv.bias': 'layers.0.attn.qkv.bias',
    'blocks.0.proj.weight': 'layers.0.attn.proj.weight',
    'blocks.0.proj.bias': 'layers.0.attn.proj.bias',
    'blocks.0.ln2.weight': 'layers.0.ln2.weight',
    'blocks.0.ln2.bias': 'layers.0.ln2.bias',
    'blocks.0.fc1.weight': 'layers.0.ffn.layers.0.0.weight',
    'blocks.0.fc1.bias': 'layers.0.ffn.layers.0.0.bias',
    'blocks.0.fc2.weight': 'layers.0.ffn.layers.1.weight',
    'blocks.0.fc2.bias': 'layers.0.ffn.layers.1.bias',
}


def test_openmmlab_vision_encoder(flamingo_of):
    ours = flamingo_of().vision_backbone.state_dict()
    theirs = {f'backbone.{OPENMMLAB_VISION[key]}': value for key, value in ours.items()}
    for key in ('backbone.cls_token', 'backbone.pos_embed'):
        theirs[key] = theirs[key].view(1, -1, theirs[key].shape[-1])
    theirs |= {'backbone.ln1.weight': torch.ones(16), 'backbone.ln1.bias': torch.ones(16)}
    read = clip_vision_state_dict(theirs)
    assert read.keys() == ours.keys()
    for key, value in ours.items():
        assert torch.equal(read[key], value), key


def test_unknown_keys_and_two_encoders_are_errors():
    ours = {'a.patch_embed.weight': torch.zeros(1), 'a.stem.weight': torch.zeros(1)}
    with pytest.raises(ValueError, match=r"mmflamingo has no keys \['stem.weight'\]"):
        clip_vision_state_dict(ours)
    with pytest.raises(ValueError, match='holds 2 CLIP vision transformers'):
        clip_vision_state_dict({**ours, 'b.visual.conv1.weight': torch.zeros(1)})


def as_openflamingo(model, view):
    """The state dict that OpenFlamingo's classes would write. `view`: which of its double names."""
    theirs = {}
    for key, value in model.state_dict().items():
        part, rest = key.split('.', 1)
        if part == 'resampler':
            theirs[f'perceiver.{rest}'] = value
        elif key.startswith('language_model.gated_cross_attn_layers.'):
            number, rest = key.removeprefix('language_model.gated_cross_attn_layers.').split('.', 1)
            if view != 'list':
                theirs[f'lang_encoder.model.layers.{number}.gated_cross_attn_layer.{rest}'] = value
            if view != 'layers':
                theirs[f'lang_encoder.gated_cross_attn_layers.{number}.{rest}'] = value
        elif key.startswith('language_model.lm.model.layers.'):
            number, rest = key.removeprefix('language_model.lm.model.layers.').split('.', 1)
            if view != 'list':
                theirs[f'lang_encoder.model.layers.{number}.decoder_layer.{rest}'] = value
            if view != 'layers':
                theirs[f'lang_encoder.old_decoder_blocks.{number}.{rest}'] = value
        elif part == 'language_model':
            theirs[f'lang_encoder.{key.removeprefix("language_model.lm.")}'] = value
        elif part == 'vision_backbone':
            rest = rest.replace('patch_embed.', 'conv1.').replace('position_', 'positional_')
            rest = rest.replace('blocks.', 'transformer.resblocks.').replace('.qkv.', '.attn.in_proj_')
            rest = (
                rest.replace('.proj.', '.attn.out_proj.')
                .replace('.fc1.', '.mlp.c_fc.')
                .replace('.fc2.', '.mlp.c_proj.')
            )
            rest = rest.replace('.ln1.', '.ln_1.').replace('.ln2.', '.ln_2.')
            theirs[f'vision_encoder.{rest}'] = value
    layer = 'lang_encoder.model.layers.0.decoder_layer'  # with what is no parameter, in files of old transformers
    theirs |= {f'{layer}.self_attn.rotary_emb.inv_freq': torch.ones(2), f'{layer}.attention.masked_bias': torch.ones(1)}
    theirs[f'{layer}.attention.bias'] = torch.ones(1, 1, 4, 4, dtype=torch.bool)
    theirs |= {'vision_encoder.ln_post.weight': torch.ones(16), 'vision_encoder.proj': torch.ones(16, 8)}
    return theirs


@pytest.mark.parametrize('view', ['layers', 'list', 'both'])
@pytest.mark.parametrize('wrap', [dict, lambda s: {'state_dict': s}, lambda s: {'model_state_dict': s, 'epoch': 1}])
def test_openflamingo_loads_as_it_is(flamingo_of, view, wrap):
    model = flamingo_of()
    theirs = as_openflamingo(model, view)
    checkpoint = wrap({f'module.{key}': value for key, value in theirs.items()})
    other = flamingo_of()
    for parameter in other.parameters():
        torch.nn.init.normal_(parameter)
    load_state_dict_strictly(other, state_dict_for(other, checkpoint, 'checkpoint.pt'), 'checkpoint.pt')
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value), key


def test_an_adapter_file_brings_what_it_has(flamingo_of):
    model = flamingo_of()
    adapter = {
        key: value
        for key, value in as_openflamingo(model, 'layers').items()
        if key.startswith('perceiver.') or 'gated_cross_attn' in key or 'embed_tokens' in key
    }
    read = state_dict_for(model, {'state_dict': adapter}, 'adapter.pth')
    assert {key.split('.')[0] for key in read} == {'resampler', 'language_model'}
    assert 'language_model.lm.model.embed_tokens.weight' in read
    with pytest.raises(CheckpointError, match='missing from the checkpoint'):
        load_state_dict_strictly(model, read, 'adapter.pth')


@pytest.mark.parametrize('system', SYSTEMS)
@pytest.mark.parametrize('parts', [('',), ('resampler.', 'language_model.gated', 'language_model.lm.model.embed')])
def test_what_is_written_reads_as_it_was(flamingo_of, system, parts):
    ours = {key: value for key, value in flamingo_of().state_dict().items() if key.startswith(parts)}
    written = checkpoint_for(ours, system, 'model.layers')
    again = flamingo_state_dict(unwrap(written, 'file'), 'model.layers')
    assert again.keys() == ours.keys()
    for key, value in ours.items():
        assert torch.equal(again[key], value), key


@pytest.mark.parametrize('system', SYSTEMS)
def test_what_is_read_is_written_as_it_was(flamingo_of, system):
    theirs = unwrap(checkpoint_for(flamingo_of().state_dict(), system, 'model.layers'), 'file')
    if system.startswith('openflamingo'):  # against the keys written out by hand
        view = 'both' if system == 'openflamingo_v1' else 'layers'
        dropped = ('ln_post.weight', 'encoder.proj', 'inv_freq', 'attention.bias', 'masked_bias')
        by_hand = {k: v for k, v in as_openflamingo(flamingo_of(), view).items() if not k.endswith(dropped)}
        assert theirs.keys() == by_hand.keys()
    again = unwrap(checkpoint_for(flamingo_state_dict(theirs, 'model.layers'), system, 'model.layers'), 'file')
    assert again.keys() == theirs.keys()
    for key, value in theirs.items():
        assert torch.equal(again[key], value), key


def test_rows_trained_beside_the_embeddings_have_no_name_elsewhere():
    with pytest.raises(ValueError, match='token_rows.weight.*openflamingo_v2 has no such parameter'):
        checkpoint_for({'language_model.token_rows.weight': torch.zeros(2, 2)}, 'openflamingo_v2', 'model.layers')


def test_another_vocabulary(flamingo_of):
    model = flamingo_of()
    state_dict = model.state_dict()
    rows = len(model.tokenizer)
    state_dict['language_model.lm.model.embed_tokens.weight'] = torch.zeros(rows + 2, 32)
    message = f'other.pth: it has {rows + 2} embedding rows, but model.tokenizer has {rows} tokens'
    with pytest.raises(CheckpointError, match=message):
        state_dict_for(model, state_dict, 'other.pth')


def test_rows_of_added_tokens_are_accounted_for(flamingo_of):
    model = flamingo_of()
    names = ['language_model.lm.model.embed_tokens.weight', 'language_model.lm.lm_head.weight']
    assert model.rows_without_source() == dict.fromkeys(names, 3)


def test_two_values_for_one_parameter(flamingo_of):
    theirs = as_openflamingo(flamingo_of(), 'both')
    key = next(key for key in theirs if key.startswith('lang_encoder.gated_cross_attn_layers.'))
    theirs[key] = theirs[key] + 1
    with pytest.raises(ValueError, match='differs from another entry of the file for the same parameter'):
        flamingo_state_dict(theirs, 'model.layers')
