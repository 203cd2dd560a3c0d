"""A small language model that transformers doesn't have, such as lies beside MPT-1B's weights.

Like MPT it tells places by distance (ALiBi), takes no `position_ids`, and calls its cache by the old name.
"""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import DynamicCache, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from .configuration_alibi import AlibiConfig


class AlibiBlock(nn.Module):
    def __init__(self, config, number):
        super().__init__()
        self.number, self.heads = number, config.num_attention_heads
        self.norm_1 = nn.LayerNorm(config.hidden_size)
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.out = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm_2 = nn.LayerNorm(config.hidden_size)
        self.up = nn.Linear(config.hidden_size, 2 * config.hidden_size)
        self.down = nn.Linear(2 * config.hidden_size, config.hidden_size)

    def forward(self, x, bias, cache):
        qkv = self.qkv(self.norm_1(x)).unflatten(-1, (3, self.heads, -1))
        queries, keys, values = (part.transpose(1, 2) for part in qkv.unbind(2))
        if cache is not None:
            keys, values = cache.update(keys, values, self.number)
        seen = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


class AlibiForCausalLM(PreTrainedModel, GenerationMixin):
    config_class = AlibiConfig
    _tied_weights_keys = {'lm_head.weight': 'wte.weight'}

    def __init__(self, config):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.hidden_size)
        self.blocks = nn.ModuleList(AlibiBlock(config, n) for n in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self):
        return self.wte

    def set_input_embeddings(self, embedding):
        self.wte = embedding

    def get_output_embeddings(self):
        return self.lm_head

    def set_output_embeddings(self, head):
        self.lm_head = head

    def forward(self, input_ids, attention_mask=None, past_key_values=None, use_cache=None, **kwargs):
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache()
        past = 0 if past_key_values is None else past_key_values.get_seq_length()
        bias = self._bias(attention_mask, past, input_ids.shape[1])
        x = self.wte(input_ids)
        for block in self.blocks:
            x = block(x, bias, past_key_values)
        return CausalLMOutputWithPast(logits=self.lm_head(self.norm(x)), past_key_values=past_key_values)

    def _bias(self, attention_mask, past, length):
        """(rows or 1, heads, length, past + length): minus the distance, steeper in each head; -inf for what is hidden."""
        places = torch.arange(past + length)
        distances = places[past:, None] - places
        slopes = 2.0 ** -torch.arange(1, self.config.num_attention_heads + 1)
        bias = -slopes[:, None, None] * distances.clamp(min=0)
        hidden = (distances < 0)[None, None]
        if attention_mask is not None:
            hidden = hidden | (attention_mask == 0)[:, None, None]
        hidden = hidden & (distances != 0)  # padding sees itself, as a softmax needs something
        return bias.masked_fill(hidden, float('-inf'))
