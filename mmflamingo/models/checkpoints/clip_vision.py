"""CLIP's vision transformer in the four key layouts of the field."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """Where the weights of a CLIP vision transformer are called what.

    Attributes:
        name: Whose layout it is.
        top: Our keys outside the blocks, and theirs.
        blocks: Their name of the list of blocks; ours is 'blocks'.
        block: Our keys in a block, and theirs; several are stacked in their order.
        unused: Beginnings of their keys that Flamingo has no use for.
    """

    name: str
    top: Mapping[str, str]
    blocks: str
    block: Mapping[str, tuple[str, ...]]
    unused: tuple[str, ...]

    @property
    def mark(self) -> str:
        """The key by which the layout is known."""
        return self.top['patch_embed.weight']


def _linears(**parts: str | tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Weight and bias of each part."""
    names = {ours: (theirs,) if isinstance(theirs, str) else theirs for ours, theirs in parts.items()}
    return {
        f'{ours}.{kind}': tuple(f'{name}.{kind}' for name in theirs)
        for ours, theirs in names.items()
        for kind in ('weight', 'bias')
    }


def _top(patch_embed: str, class_embedding: str, position_embedding: str, ln_pre: str) -> dict[str, str]:
    return {
        'patch_embed.weight': f'{patch_embed}.weight',
        'class_embedding': class_embedding,
        'position_embedding': position_embedding,
        'ln_pre.weight': f'{ln_pre}.weight',
        'ln_pre.bias': f'{ln_pre}.bias',
    }


OWN = Layout(
    name='mmflamingo',
    top=_top('patch_embed', 'class_embedding', 'position_embedding', 'ln_pre'),
    blocks='blocks',
    block=_linears(ln1='ln1', qkv='qkv', proj='proj', ln2='ln2', fc1='fc1', fc2='fc2'),
    unused=(),
)
OPENAI = Layout(  # https://github.com/openai/CLIP, https://github.com/mlfoundations/open_clip
    name='OpenAI and open_clip',
    top=_top('conv1', 'class_embedding', 'positional_embedding', 'ln_pre'),
    blocks='transformer.resblocks',
    block={
        **_linears(ln1='ln_1', proj='attn.out_proj', ln2='ln_2', fc1='mlp.c_fc', fc2='mlp.c_proj'),
        'qkv.weight': ('attn.in_proj_weight',),
        'qkv.bias': ('attn.in_proj_bias',),
    },
    unused=('ln_post.', 'proj'),
)
HUGGING_FACE = Layout(  # transformers' CLIPVisionModel
    name='Hugging Face',
    top=_top(
        'embeddings.patch_embedding',
        'embeddings.class_embedding',
        'embeddings.position_embedding.weight',
        'pre_layrnorm',
    ),
    blocks='encoder.layers',
    block=_linears(
        ln1='layer_norm1',
        qkv=('self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'),
        proj='self_attn.out_proj',
        ln2='layer_norm2',
        fc1='mlp.fc1',
        fc2='mlp.fc2',
    ),
    unused=('post_layernorm.', 'embeddings.position_ids'),
)
OPENMMLAB = Layout(  # mmpretrain's VisionTransformer
    name='OpenMMLab',
    top=_top('patch_embed.projection', 'cls_token', 'pos_embed', 'pre_norm'),
    blocks='layers',
    block=_linears(ln1='ln1', qkv='attn.qkv', proj='attn.proj', ln2='ln2', fc1='ffn.layers.0.0', fc2='ffn.layers.1'),
    unused=('ln1.',),
)
LAYOUTS = (OWN, OPENAI, HUGGING_FACE, OPENMMLAB)


def clip_vision_state_dict(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Finds a CLIP vision transformer in a state dict.

    Args:
        state_dict: In one of the four layouts, under any prefix; a text tower beside it is left
            out.

    Returns:
        dict: The keys of `CLIPVisionTransformer`, those that the state dict has.

    Raises:
        ValueError: There is none, there are several, or there are keys that none of the layouts has.
    """
    found = [
        (layout, key.removesuffix(layout.mark))
        for layout in LAYOUTS
        for key in state_dict
        if key == layout.mark or key.endswith(f'.{layout.mark}')
    ]
    if len(found) != 1:
        known = ', '.join(f'{layout.name} ({layout.mark})' for layout in LAYOUTS)
        raise ValueError(
            f'The file holds {len(found)} CLIP vision transformers, expected one in a layout of {known}. '
            f'Its first keys are {list(state_dict)[:3]}.'
        )
    layout, prefix = found[0]
    theirs = {key.removeprefix(prefix): value for key, value in state_dict.items() if key.startswith(prefix)}
    ours = _translate(theirs, layout)
    left = [key for key in theirs if not key.startswith(layout.unused)]
    if left:
        raise ValueError(f'The layout of {layout.name} has no keys {left[:5]} ({len(left)} in all).')
    return ours


def _translate(theirs: dict[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """Takes what is ours out of `theirs`."""
    ours = {key: theirs.pop(name) for key, name in layout.top.items() if name in theirs}
    beginning = f'{layout.blocks}.'
    numbers = {key.removeprefix(beginning).split('.')[0] for key in theirs if key.startswith(beginning)}
    for number in sorted(numbers, key=int):
        for key, names in layout.block.items():
            full = [f'{beginning}{number}.{name}' for name in names]
            if all(name in theirs for name in full):
                parts = [theirs.pop(name) for name in full]
                ours[f'blocks.{number}.{key}'] = torch.cat(parts) if len(parts) > 1 else parts[0]
    for key in ('class_embedding', 'position_embedding'):  # OpenMMLab's have leading ones
        if key in ours:
            ours[key] = ours[key].squeeze()
    return ours


def clip_vision_in_layout(ours: Mapping[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """The inverse of `clip_vision_state_dict`.

    Args:
        ours: Keys of `CLIPVisionTransformer`.
        layout: Whose keys to write. What Flamingo has no use for (`layout.unused`) is not in the result.

    Raises:
        ValueError: A key is not one of `CLIPVisionTransformer`.
    """
    theirs = {}
    for key, value in ours.items():
        if key in layout.top:
            theirs[layout.top[key]] = _with_leading_ones(key, value) if layout is OPENMMLAB else value
            continue
        number, _, name = key.removeprefix('blocks.').partition('.')
        if name not in layout.block:
            raise ValueError(f'{key!r} is not a parameter of the vision encoder, so {layout.name} has no name for it.')
        parts = layout.block[name]
        for part, chunk in zip(parts, value.chunk(len(parts)), strict=True):
            theirs[f'{layout.blocks}.{number}.{part}'] = chunk
    return theirs


def _with_leading_ones(key: str, value: Tensor) -> Tensor:
    return value.view(1, -1, value.shape[-1]) if key in ('class_embedding', 'position_embedding') else value
