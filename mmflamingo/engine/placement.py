"""Models larger than one device: modules on several devices, in the CPU's memory or on the disk, by accelerate."""

from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from .errors import ConfigError

LM = 'language_model.lm'
BLOCKS = 'language_model.gated_cross_attn_layers'
TOKEN_ROWS = 'language_model.token_rows'
ENCODERS = ('vision_backbone', 'resampler')
KEY = 'model.device_map'

Device = int | str | torch.device


def place(
    model: nn.Module,
    device_map: str | Mapping[str, Device],
    max_memory: Mapping[int | str, int | str] | None = None,
    offload_folder: str | None = None,
) -> nn.Module:
    """Puts the modules of a model where a device map says; from then on it can only predict.

    A gated cross-attention block lies where its decoder layer lies. Modules in the CPU's memory, if there are other devices,
    and those on the disk come to the device of the vision backbone for the time they run.

    Args:
        model: A `Flamingo` with its weights.
        device_map: 'auto' fills the GPUs one after the other, then the CPU's memory, then the disk. Or a dict from names of
            modules, such as 'language_model.lm.model.layers.3', to devices: numbers of GPUs, 'cpu' or 'disk'. Of names within
            one another the longer counts.
        max_memory: For 'auto', most memory of each device, such as `{0: '20GiB', 'cpu': '60GiB'}`; by default what is free.
        offload_folder: Where modules on the disk are written to, in a folder that goes with the model. None: where temporary
            files are.

    Raises:
        ConfigError: accelerate is missing, or the map or another setting of the model doesn't go with it.
    """
    if getattr(model.language_model, 'quantization', None):
        raise ConfigError(f'{KEY} and model.language_model.quantization do not go together: leave one of them out.')
    try:
        from accelerate import dispatch_model
        from accelerate.hooks import AlignDevicesHook, SequentialHook, add_hook_to_module, remove_hook_from_module
    except ImportError as error:
        raise ConfigError(f'{KEY} needs accelerate: pip install mmflamingo[optional].') from error
    if device_map == 'auto':
        device_map = _infer(model, max_memory)
    elif isinstance(device_map, str):
        raise ConfigError(f"{KEY} is {device_map!r}: give 'auto', or a dict from names of modules to devices.")
    places = _complete(model, device_map)
    main = device_of(ENCODERS[0], places)
    folder = None
    if 'disk' in places.values():  # a folder of its own: accelerate would take the weights that lie in one already
        if offload_folder is not None:
            Path(offload_folder).mkdir(parents=True, exist_ok=True)
        model.offload_folder = TemporaryDirectory(prefix='mmflamingo-offload-', dir=offload_folder)
        folder = model.offload_folder.name
    model.data_preprocessor.to(main)
    not_moved = ['cache', 'past_key_values']
    dispatch_model(model, places, main_device=main, offload_dir=folder, skip_keys=not_moved)
    remove_hook_from_module(model)  # it would copy the data samples
    # Masks and positions meet the embedded tokens; logits come back to where the tokens were given.
    lm = model.language_model.lm
    start = next(name for name, module in model.named_modules() if module is lm.get_input_embeddings())
    device = device_of(start, places)
    device = main if device in ('cpu', 'disk') else device
    hooks = [AlignDevicesHook(device, io_same_device=True, skip_keys=not_moved)]
    if hasattr(lm, '_hf_hook'):
        hooks.append(lm._hf_hook)
        remove_hook_from_module(lm)
    add_hook_to_module(lm, SequentialHook(*hooks))
    return model


def is_to_be_placed(model: nn.Module) -> bool:
    """Whether a model's config has a `device_map`, and nothing was placed yet."""
    return getattr(model, 'placement', {}).get('device_map') is not None and not hasattr(model, 'hf_device_map')


def describe_places(model: nn.Module) -> str:
    """How many parameters of a placed model are on each device."""
    counts = Counter()
    for name, parameter in model.named_parameters():
        counts[str(device_of(name, model.hf_device_map))] += parameter.numel()
    return '\n'.join(f'  {device}: {count:,} parameters' for device, count in counts.items())


def device_of(name: str, places: Mapping[str, Device]) -> Device | None:
    """The device of a module or a parameter, by the longest name in a device map that it lies in."""
    key = _covering(name, places)
    return None if key is None else places[key]


def _covering(name: str, places: Mapping[str, Device]) -> str | None:
    return max((key for key in places if f'{name}.'.startswith(f'{key}.' if key else '')), key=len, default=None)


def _infer(model: nn.Module, max_memory: Mapping[int | str, int | str] | None) -> dict[str, Device]:
    """accelerate's device map, for which each gated cross-attention block counts as a part of its decoder layer."""
    from accelerate import infer_auto_device_map

    adapter = model.language_model
    layers, blocks = adapter.lm.get_submodule(adapter.layers_path), adapter.gated_cross_attn_layers
    if max_memory is not None:
        max_memory = {int(key) if str(key).isdigit() else key: value for key, value in max_memory.items()}
    whole = {type(module).__name__ for module in (model.vision_backbone, model.resampler, *layers)}
    adapter.gated_cross_attn_layers = nn.ModuleDict()
    try:
        for number, block in blocks.items():
            layers[int(number)].gated_cross_attn = block
        places = infer_auto_device_map(model, max_memory=max_memory, no_split_module_classes=list(whole))
    finally:
        for number in blocks:
            del layers[int(number)].gated_cross_attn
        adapter.gated_cross_attn_layers = blocks
    return {name: device for name, device in places.items() if not name.startswith(BLOCKS)}


def _complete(model: nn.Module, device_map: Mapping[str, Device]) -> dict[str, Device]:
    """A device map in which no name lies within another, with the blocks beside their layers.

    Raises:
        ConfigError: It names what isn't there, leaves something out, or puts it where it can't run.
    """
    known = dict(model.named_modules())
    unknown = [name for name in device_map if name not in known]
    if unknown:
        close = get_close_matches(unknown[0], known, n=1)
        hint = f' Did you mean {close[0]!r}?' if close else ''
        raise ConfigError(f'{KEY} names {unknown[:3]}: the model has no such modules.{hint}')
    places: dict[str, Device] = {}
    for name in sorted(device_map.keys() - {'data_preprocessor'}, key=len):
        _set(model, places, name, _parse(name, device_map[name]))
    lacking = [name for name in model.state_dict() if device_of(name, places) is None and not name.startswith(BLOCKS)]
    if lacking:
        raise ConfigError(f'{KEY} says nothing of {len(lacking)} tensors, such as {", ".join(lacking[:3])}.')
    for number in model.language_model.gated_cross_attn_layers:
        layer, block = f'{LM}.{model.language_model.layers_path}.{number}', f'{BLOCKS}.{number}'
        beside = {device_of(name, places) for name in known if f'{name}.'.startswith(f'{layer}.')} - {None}
        if len(beside) > 1:
            raise ConfigError(
                f'{KEY} puts parts of {layer} on {sorted(map(str, beside))}: a layer has to stay together.'
            )
        own = _covering(block, device_map)
        if own and own.startswith(BLOCKS) and device_of(block, places) not in beside:
            raise ConfigError(f'{KEY} puts {block} elsewhere than {layer}: leave it out, it goes where its layer is.')
        _set(model, places, block, beside.pop())
    computing = {device for device in places.values() if device not in ('cpu', 'disk')} or {'cpu'}
    encoders = {device_of(name, places) for name in ENCODERS}
    if len(encoders) > 1 or not encoders <= computing:
        raise ConfigError(
            f'{" and ".join(ENCODERS)} would be on {sorted(map(str, encoders))}, but have to stay together where they run: on '
            f'one of {sorted(map(str, computing))}. Say so in {KEY}, or let model.max_memory give it more.'
        )
    if TOKEN_ROWS in known:
        _set(model, places, TOKEN_ROWS, device_of(ENCODERS[0], places))
    return places


def _set(model: nn.Module, places: dict[str, Device], name: str, device: Device) -> None:
    """Puts a module on a device; an entry that it lies in is split into those of its children."""
    while (key := _covering(name, places)) not in (None, name):
        if places[key] == device:
            return
        outer = places.pop(key)
        children = model.get_submodule(key).named_children()
        places |= {f'{key}.{child}'.lstrip('.'): outer for child, module in children if _holds_tensors(module)}
    places[name] = device


def _holds_tensors(module: nn.Module) -> bool:
    return any(True for _ in chain(module.parameters(), module.buffers()))


def _parse(name: str, device: Device) -> Device:
    """A device as accelerate takes it: the number of a GPU, 'cpu' or 'disk'."""
    given, count = device, torch.accelerator.device_count()
    if isinstance(device, str) and device.isdigit():
        device = int(device)
    elif device not in ('cpu', 'disk') and not isinstance(device, int):
        try:
            parsed = torch.device(device)
        except RuntimeError:
            parsed = None
        device = 'cpu' if parsed == torch.device('cpu') else parsed and (parsed.index or 0)
    if device in ('cpu', 'disk') or isinstance(device, int) and device < count:
        return device
    raise ConfigError(
        f"{KEY} puts {name!r} on {given!r}: give 'cpu', 'disk' or the number of a GPU; there are {count}."
    )
