"""Kinds `journals` and `results`: files of interrupted and of finished runs, changed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

from .cases import CANARY, Case
from .material import Material, outcome, tool
from .mutations import change_bytes, change_json


def make_journal_case(material: Material, rng: Random, folder: Path) -> Case:
    """A file of an interrupted run is changed, and the run is resumed."""
    work_dir = folder / 'work'
    shutil.copytree(material.broken, work_dir)
    path = rng.choice(
        [
            path
            for path in sorted(work_dir.rglob('*'))
            if path.suffix in ('.jsonl', '.json') and 'vis_data' not in path.parts
        ]
    )
    name = _change_lines(path, rng)
    resume = ['test_cfg.resume=True', f'test_dataloader.batch_size={rng.randint(1, 3)}']

    def judge() -> str | None:
        return material.vqa.difference(outcome(work_dir))

    return Case(f'{path.name}: {name}', material.test(material.folder, 'vqa.py', work_dir, *resume), judge)


def make_results_case(material: Material, rng: Random, folder: Path) -> Case:
    """A file of a finished run is changed, and the run is scored again, compared or shown."""
    run = folder / 'run'
    shutil.copytree(material.run, run)
    path = run / rng.choice(['results.json', 'predictions.jsonl', 'predictions.jsonl'])
    change = rng.choice([_change_lines, _change_lines, _change_lines, _hostile_evaluator])
    if change is _hostile_evaluator:
        path = run / 'results.json'
    name = change(path, rng)
    tools: dict[str, tuple[Callable[[], None], Callable[[], str | None]]] = {
        'rescore': (
            tool('tools/analysis/rescore.py', run),
            lambda: material.vqa.difference(outcome(run)),
        ),
        'compare_runs': (
            tool('tools/analysis/compare_runs.py', material.run, run, '--score', 'acc'),
            lambda: _fault_of_comparison(folder / 'terminal.txt'),
        ),
        'browse_predictions': (
            tool('tools/analysis/browse_predictions.py', run, '--out', folder / 'page.html'),
            lambda: None if path.name == 'results.json' else _fault_of_page(folder / 'page.html', material),
        ),
    }
    key = rng.choice(list(tools))
    work, judge = tools[key]
    kept = {path: path.read_bytes() for path in material.run.rglob('*.json*')}
    return Case(f'{key}, {path.name}: {name}', work, judge, kept)


def _fault_of_comparison(terminal: Path) -> str | None:
    lines = dict(
        line.split(maxsplit=1) for line in terminal.read_text().splitlines() if line.startswith(('samples', 'p ', 'A,'))
    )
    return None if lines.get('samples') == '4 in both' and lines.get('p', '').startswith('1.0000') else f'{lines}'


def _fault_of_page(page: Path, material: Material) -> str | None:
    text = page.read_text('utf-8')
    lacking = [sample['question'] for sample in material.vqa.samples if sample['question'] not in text]
    return f'the page lacks {lacking}' if lacking else None


def _change_lines(path: Path, rng: Random) -> str:
    """Change bytes, a line, or a value in a line of a file of JSON."""
    content = path.read_bytes()
    lines = content.splitlines(keepends=True) if path.suffix == '.jsonl' else [content]
    number = rng.randrange(len(lines))
    name = rng.choice(['bytes', 'bytes', 'value', 'value', 'value', 'drop', 'twice', 'swap', 'cut', 'missing'])
    if name == 'missing':
        path.unlink()
        return name
    if name == 'bytes':
        name, changed = change_bytes(content, rng)
        path.write_bytes(changed)
        return name
    if name == 'value':
        checksum, brace, rest = lines[number].partition(b'{')  # a journal's lines begin with one
        name, value = change_json(json.loads(brace + rest), rng)
        lines[number] = (
            checksum + json.dumps(value, ensure_ascii=rng.random() < 0.5).encode('utf-8', 'surrogatepass') + b'\n'
        )
    elif name == 'drop':
        del lines[number]
    elif name == 'twice':
        lines.insert(number, lines[number])
    elif name == 'swap':
        lines.reverse()
    else:
        lines[number] = lines[number][: rng.randrange(len(lines[number]))]
    path.write_bytes(b''.join(lines))
    return name


def _hostile_evaluator(path: Path, rng: Random) -> str:
    """Metrics that would run code, or write files, if they were believed."""
    results = json.loads(path.read_text())
    victim = path.parent.parent / CANARY
    evaluators = [
        {'type': 'os.system', 'command': f'touch {victim}'},
        {'type': 'subprocess.check_call', 'args': ['touch', str(victim)]},
        {'type': 'ReportVQA', 'file_path': f'{victim}'},
        {'type': 'mmengine.dump', 'obj': [], 'file': str(victim)},
        {'type': 'VQAAcc', '_scope_': 'os'},
        {'type': 'pathlib.Path.touch', 'self': str(victim)},
        {'type': ['VQAAcc']},
        {'type': 'VQAAcc', 'stemmed': 'x', 'more': 1},
        'VQAAcc',
        [],
    ]
    results['evaluator'] = rng.choice(evaluators)
    path.write_text(json.dumps(results))
    return f'evaluator {results["evaluator"]!r:.60}'
