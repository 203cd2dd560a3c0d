"""Where the decoder layers of a Hugging Face causal language model are."""

from torch import nn

DECODER_LAYERS = {
    'bloom': 'transformer.h',
    'falcon': 'transformer.h',
    'gemma': 'model.layers',
    'gemma3_text': 'model.layers',
    'gpt2': 'transformer.h',
    'gpt_neo': 'transformer.h',
    'gpt_neox': 'gpt_neox.layers',
    'gptj': 'transformer.h',
    'llama': 'model.layers',
    'mistral': 'model.layers',
    'mpt': 'transformer.blocks',
    'opt': 'model.decoder.layers',
    'phi': 'model.layers',
    'qwen2': 'model.layers',
    'qwen3': 'model.layers',
    'smollm3': 'model.layers',
}


# In names of layer types: layers that keep a running state in the place of keys and values.
STATES = ('conv', 'linear', 'mamba', 'recurrent')


def check_attends(lm: nn.Module) -> None:
    """Checks that all that a language model remembers of a text are keys and values, which masks can hide.

    Raises:
        ValueError: It keeps a running state: padding would be part of it, and beams could not share a prompt.
    """
    layer_types = getattr(lm.config, 'layer_types', None) or []
    if getattr(lm, '_is_stateful', False) or any(state in name for name in layer_types for state in STATES):
        raise ValueError(
            f'model.language_model is a {type(lm).__name__}, which keeps a running state and not only keys and values: in '
            'padded batches and beam search it would write other texts. Use a language model that only attends.'
        )


def find_decoder_layers(lm: nn.Module, path: str | None = None) -> nn.ModuleList:
    """Finds the decoder layers of a language model.

    Args:
        lm: A Hugging Face causal language model.
        path: Dotted path of the layers; None looks the model type up in `DECODER_LAYERS`.

    Returns:
        nn.ModuleList: The layers, first to last.

    Raises:
        ValueError: The model type is unknown and no path is given, or the path does not lead to a
            list of layers.
    """
    model_type = lm.config.model_type
    if path is None and model_type not in DECODER_LAYERS:
        raise ValueError(
            f'No decoder layers are known for the model type {model_type!r}; known are '
            f'{sorted(DECODER_LAYERS)}. Set model.language_model.layers_path to their path in the '
            'model, such as "model.layers".'
        )
    path = path or DECODER_LAYERS[model_type]
    try:
        layers = lm.get_submodule(path)
    except AttributeError:
        layers = None
    if not isinstance(layers, nn.ModuleList):
        lists = [name for name, module in lm.named_modules() if isinstance(module, nn.ModuleList)]
        raise ValueError(
            f'model.language_model.layers_path = {path!r} is not a list of layers of '
            f'{type(lm).__name__}. Its lists are {lists}.'
        )
    return layers
