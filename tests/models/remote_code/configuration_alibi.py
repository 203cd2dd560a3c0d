"""Config of a small language model that transformers doesn't have."""

from transformers import PretrainedConfig


class AlibiConfig(PretrainedConfig):
    model_type = 'alibi'

    def __init__(self, vocab_size=40, hidden_size=32, num_hidden_layers=4, num_attention_heads=4, **kwargs):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        super().__init__(**kwargs)
