"""Language models from files: GGUF, and folders that bring their own Python code."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from mmflamingo.models.language.hf_lm import build_lm


def write_gguf(lm, path):
    """The weights of a LLaMA without grouped heads, as llama.cpp keeps them."""
    gguf = pytest.importorskip('gguf')
    pytest.importorskip('accelerate')
    config = lm.config
    writer = gguf.GGUFWriter(path, 'llama')
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_attention_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters['rope_theta'])
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model('gpt2')
    writer.add_token_list([f'token{i}' for i in range(config.vocab_size)])
    writer.add_token_merges(['token 0'])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for key, value in lm.state_dict().items():
        if '.q_proj.' in key or '.k_proj.' in key:  # the two halves of a rotary pair lie side by side there
            heads = value.view(config.num_attention_heads, 2, -1, config.hidden_size)
            value = heads.transpose(1, 2).reshape(value.shape)
        writer.add_tensor(names.get_name(key, ('.weight',)), value.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@torch.no_grad()
def test_a_gguf_file_gives_the_same_logits(adapter_of, batch, tmp_path):
    adapter = adapter_of('llama')
    adapter.lm.resize_token_embeddings(40)
    write_gguf(adapter.lm, tmp_path / 'tiny.gguf')
    lm = build_lm(str(tmp_path / 'tiny.gguf'), None, 'float32').eval()
    input_ids = batch[1].clamp(max=39)
    assert torch.equal(lm(input_ids).logits, adapter.lm(input_ids).logits)
    lm.save_pretrained(tmp_path / 'folder')
    again = AutoModelForCausalLM.from_pretrained(tmp_path / 'folder').eval()
    assert torch.equal(again(input_ids).logits, lm(input_ids).logits)


def test_a_gguf_file_conditions_like_any_other(adapter_of, batch, tmp_path):
    adapter = adapter_of('llama')
    expected = adapter(*batch)
    adapter.lm.resize_token_embeddings(40)
    write_gguf(adapter.lm, tmp_path / 'tiny.gguf')
    loaded = adapter_of('llama', config=None, pretrained=str(tmp_path / 'tiny.gguf'))
    assert loaded(*batch).shape == expected.shape


def test_no_such_gguf_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="pretrained = '.*tiny.gguf': no such file"):
        build_lm(str(tmp_path / 'tiny.gguf'), None, 'float32')


def test_code_beside_the_weights_runs_only_if_the_config_says_so(folder_with_code, adapter_of):
    """What it then computes, tests/models/language/test_lm_adapter.py and test_generation.py ask as of any family."""
    settings = {'config': None, 'pretrained': folder_with_code, 'layers_path': 'blocks'}
    code = r'modeling_alibi\.AlibiForCausalLM would run .* by model\.language_model\.trust_remote_code'
    with pytest.raises(ValueError, match=rf"pretrained = '.*' \('alibi'\).* class {code}"):
        adapter_of(**settings)
    adapter = adapter_of(**settings, trust_remote_code=True)
    assert type(adapter.lm).__module__.startswith('transformers_modules.')


def test_code_beside_the_weights_needs_the_path_of_its_layers(folder_with_code, adapter_of):
    with pytest.raises(ValueError, match="No decoder layers are known for the model type 'alibi'.*layers_path"):
        adapter_of(config=None, pretrained=folder_with_code, trust_remote_code=True)


def test_a_gguf_file_that_is_cut_off_is_named(adapter_of, tmp_path):
    """A20, R20."""
    adapter = adapter_of('llama')
    adapter.lm.resize_token_embeddings(40)
    path = tmp_path / 'tiny.gguf'
    write_gguf(adapter.lm, path)
    content = path.read_bytes()
    for size in (4, 30, 500, len(content) // 2, len(content) - 200):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match=r"No language model could be read from .*pretrained = '.*tiny.gguf'"):
            build_lm(str(path), None, 'float32')
