"""Kinds `options` and `configs`: settings that are misspelt, of other types, broken as text, or hide code."""

import ast
import json
import re
from pathlib import Path
from random import Random
from typing import Any

from .cases import CANARY, Case
from .material import Material, outcome, tool, write_configs
from .mutations import STRANGE

# Settings with which a test gives the same.
HARMLESS = [
    'test_dataloader.num_workers=0', 'test_dataloader.batch_size=1', 'test_dataloader.batch_size=3', 'log_level=WARNING',
    'test_dataloader.persistent_workers=True', 'test_dataloader.pin_memory=False', 'test_dataloader.dataset.seed=0',
    'test_dataloader.dataset.test_mode=True', 'experiment_name=[x', 'test_evaluator.0.stemmed=False', 'randomness.seed=7',
    'test_dataloader.drop_last=False', 'test_dataloader.prefetch_factor=None',
]  # fmt: skip
KEYS = [
    'model', 'model.type', 'model.prompts.vqa.query', 'model.prompts.vqa.shot', 'model.prompts.vqa.generation.num_beams',
    'model.prompts.vqa.generation', 'model.prompts.vqa.stop', 'model.resampler.depth', 'model.resampler.num_latents',
    'model.vision_backbone.img_size', 'model.language_model.config.hidden_size', 'model.language_model.xattn_every',
    'model.language_model.media_index', 'model.tokenizer.pretrained', 'model.tokenizer.vocab_size', 'test_dataloader',
    'test_dataloader.batch_size', 'test_dataloader.num_workers', 'test_dataloader.dataset', 'test_dataloader.dataset.num_shots',
    'test_dataloader.dataset.seed', 'test_dataloader.dataset.question_file', 'test_dataloader.dataset.ann_file',
    'test_dataloader.dataset.data_root', 'test_dataloader.dataset.data_prefix', 'test_dataloader.dataset.img_name',
    'test_dataloader.dataset.num_query_examples', 'test_dataloader.dataset.pipeline', 'test_dataloader.dataset.shot_selector',
    'test_dataloader.sampler', 'test_dataloader.sampler.type', 'test_dataloader.collate_fn', 'test_evaluator',
    'test_evaluator.0', 'test_evaluator.0.type', 'test_cfg', 'test_cfg.type', 'log_level',
    'default_hooks', 'default_hooks.logger', 'custom_hooks', 'env_cfg', 'default_scope', 'runner_type', 'visualizer', 'dtype',
    'compile', 'model.data_preprocessor.mean', 'model.max_length', 'model.prompts.vqa.ranking.permutations',
]  # fmt: skip
BROKEN = ['{key}', '={value}', '{key}=', '{key}={value}', '{key}==1', '.{key}=1', '{key}.=1', '{key}.9.x=1', '{key}=[1,', "{key}='a", '{key}.{key}=1', ' =', '']  # fmt: skip


def make_option_case(material: Material, rng: Random, folder: Path) -> Case:
    """One or two options of the command line."""
    kind = rng.choice(['harmless', 'value', 'value', 'value', 'misspelt', 'broken'])
    if kind == 'harmless':
        options = rng.sample(HARMLESS, 2)
    elif kind == 'value':
        options = [f'{rng.choice(KEYS)}={_as_text(rng.choice(STRANGE), rng)}']
    elif kind == 'misspelt':
        options = [f'{_misspelt(rng.choice(KEYS), rng)}=1']
    else:
        options = [rng.choice(BROKEN).format(key=rng.choice(KEYS), value=rng.choice(['1', 'x', '[', '(']))]
    options = [option for option in options if '\x00' not in option]
    work_dir = folder / 'work'
    work = material.test(material.folder, 'vqa.py', work_dir, *options or ['log_level=INFO'])

    def judge() -> str | None:
        if kind == 'harmless':
            return material.vqa.difference(outcome(work_dir))
        if kind == 'misspelt':
            return f'{options}: no error'
        return _fault_of_value(folder, options)

    return Case(f'{kind}: {" ".join(options)!r:.120}', work, judge)


def _as_text(value: Any, rng: Random) -> str:
    text = repr(value) if rng.random() < 0.5 and not isinstance(value, str) else str(value)
    return text.encode('utf-8', 'replace').decode()


def _misspelt(key: str, rng: Random) -> str:
    at = rng.randrange(len(key))
    return key[:at] + rng.choice(['x', '', '__', 'é']) + key[at + 1 :] + 'q'


def _fault_of_value(folder: Path, options: list[str]) -> str | None:
    """Whether the value arrived: the config that the run wrote down has it."""
    written = max(folder.rglob('vis_data/config.py'), default=None)
    if written is None or not options:
        return None
    key, _, text = options[0].partition('=')
    value = _find(written.read_text('utf-8'), key)
    literal = _literal(text)
    if value is _MISSING or value in (text, literal) or repr(value) == repr(literal) or _is_merged(literal, value):
        return None
    return f'{key} became {value!r:.80}, not {text!r:.80}'


_MISSING = object()


def _is_merged(literal: Any, value: Any) -> bool:
    """Whether a dict was merged into the one that the config has."""
    return (
        isinstance(literal, dict)
        and isinstance(value, dict)
        and all(value.get(key) == own for key, own in literal.items())
    )


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _find(config: str, key: str) -> Any:
    """A setting of a written config; `_MISSING` where it cannot be read off."""
    first, *rest = key.split('.')
    names: dict[str, Any] = {}
    try:
        exec(compile(config, 'config', 'exec'), {'dict': dict, '__builtins__': {}}, names)
        node = names[first]
        for step in rest:
            node = node[int(step)] if isinstance(node, list | tuple) else node[step]
    except Exception:  # what a config means is tested elsewhere
        return _MISSING
    return node


def make_config_case(material: Material, rng: Random, folder: Path) -> Case:
    """A config file is changed."""
    write_configs(folder, material.folder)
    path = folder / 'vqa.py'
    change = rng.choice([_line, _line, _name, _name, _data])
    name, path, is_harmful = change(path, rng)
    work = tool('tools/test.py', path, material.folder / 'checkpoint.pth', '--work-dir', folder / 'work')

    def judge() -> str | None:
        if is_harmful:
            return f'{name}: no error'
        return None if outcome(folder / 'work').samples else 'no samples'

    return Case(name, work, judge)


def _line(path: Path, rng: Random) -> tuple[str, Path, bool]:
    """A line is lost, doubled, cut, or full of something else."""
    lines = path.read_text().splitlines()
    number = rng.randrange(len(lines))
    name = rng.choice(['lost', 'doubled', 'cut', 'other'])
    if name == 'lost':
        del lines[number]
    elif name == 'doubled':
        lines.insert(number, lines[number])
    elif name == 'cut':
        lines[number] = lines[number][: rng.randrange(1 + len(lines[number]))]
    else:
        lines[number] = rng.choice(
            ['import nothing_of_this_name', 'raise ValueError', '1 / 0', 'x = (', '_base_ = ["none.py"]', '\tx = 1']
        )
    path.write_text('\n'.join(lines))
    return f'line {number} {name}', path, False


def _name(path: Path, rng: Random) -> tuple[str, Path, bool]:
    """A key or a type is misspelt."""
    text = path.read_text()
    found = rng.choice(list(re.finditer(r"\b(\w+)=|type='(\w+)'", text)))
    group = 1 if found[1] else 2
    word = found[group]
    wrong = word[:-1] + rng.choice(['', 'qq', 'Q'])
    path.write_text(text[: found.start(group)] + wrong + text[found.end(group) :])
    is_a_name = word == 'caption'  # of a prompt, which no question asks for
    return f'{word} misspelt {wrong}', path, not is_a_name


def _data(path: Path, rng: Random) -> tuple[str, Path, bool]:
    """A config of another format, that would run code."""
    content = rng.choice(
        [
            f'x: !!python/object/apply:os.system ["touch {CANARY}"]\n',
            f'model: !!python/object/new:pathlib.Path [{CANARY}]\n',
            f'model: {{type: os.system, command: touch {CANARY}}}\ntest_dataloader: {{}}\n',
            f'test_evaluator: {{type: subprocess.check_call, args: [touch, {CANARY}]}}\n',
            '{"model": {"type": "builtins.exec", "object": "open(\'canary\', \'w\')"}, "test_cfg": {"type": "TestLoop"}}',
            '[1, 2]',
            '',
        ]
    )
    path = path.with_suffix('.json' if content.startswith(('{', '[')) else '.yaml')
    path.write_text(content)
    return f'{path.suffix}: {json.dumps(content)[:80]}', path, True
