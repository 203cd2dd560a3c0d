import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

ROOT = Path(__file__).parents[2]
TOY_FOLDER = ROOT / 'tests' / 'engine'
WEIGHTS = {
    f'{part}.{name}': torch.ones(shape)
    for part in ('body', 'head', 'frozen')
    for name, shape in [('weight', (1, 1)), ('bias', (1,))]
}


@pytest.fixture
def checkpoint(tmp_path):
    torch.save({'state_dict': WEIGHTS}, tmp_path / 'toy.pth')
    return tmp_path / 'toy.pth'


def test_score_table_and_files(run_tool, toy_config, checkpoint, tmp_path, capfd):
    assert run_tool(
        *('test', toy_config, checkpoint, '--work-dir', 'runs', '--out', 'out/metrics.json'),
        *('--show-dir', 'show', '--amp', '--cfg-options', 'test_dataloader.batch_size=4'),
    ) == 0  # fmt: skip
    shown = capfd.readouterr().out
    assert 'eta:' in shown and 'toy/sum    78.00' in shown
    (line,) = [line for line in shown.splitlines() if line.startswith('Predictions: ')]
    assert len(Path(line.removeprefix('Predictions: ')).read_text().splitlines()) == 13
    (line,) = [line for line in shown.splitlines() if line.startswith('Log: ')]
    assert Path(line.removeprefix('Log: ').strip()).is_file()
    assert json.loads(Path('out/metrics.json').read_text()) == {'toy/sum': 78.0, 'toy/count': 13}
    assert len(list(Path('show').iterdir())) == 13


def test_predictions_as_a_file(run_tool, toy_config, checkpoint):
    code = run_tool('test', toy_config, checkpoint, '--out', 'p.jsonl', '--out-item', 'pred')
    assert code == 0
    records = [json.loads(line) for line in Path('p.jsonl').read_text().splitlines()]
    assert [record['image_id'] for record in records] == list(range(13))


def test_a5_a_folder_of_shards_as_checkpoint(run_tool, toy_config, tmp_path):
    folder = tmp_path / 'sharded'
    folder.mkdir()
    files = {key: f'{key.split(".")[0]}.safetensors' for key in WEIGHTS}
    for file in set(files.values()):
        save_file({key: value for key, value in WEIGHTS.items() if files[key] == file}, folder / file)
    (folder / 'model.safetensors.index.json').write_text(json.dumps({'weight_map': files}))
    assert run_tool('test', toy_config, folder, '--work-dir', 'runs') == 0
    (results,) = Path('runs').glob('*/results.json')
    checkpoint = json.loads(results.read_text())['protocol']['checkpoint']
    assert checkpoint['path'] == str(folder) and list(checkpoint['sha256']) == [
        *('model.safetensors.index.json', 'body.safetensors', 'frozen.safetensors', 'head.safetensors')
    ]


@pytest.mark.parametrize(
    ('arguments', 'code', 'said'),
    [
        (['nowhere.py'], 2, 'Config nowhere.py does not exist'),
        (['{config}', 'nowhere.pth'], 2, 'nowhere.pth\n      CHECKPOINT: does not exist'),
        (['{config}', '--out', 'a.txt'], 2, 'must end in one of'),
        (['{config}', '--out', '{folder}'], 2, 'not a regular file'),
        (['{config}', '--out', '{file}/a.json'], 2, '--out: '),
        (['{config}', '--show-dir', '{file}'], 2, 'cannot be a folder of results: Not a directory'),
        (['{config}', '--work-dir', '{file}/x'], 2, 'work_dir: '),
        (['{config}', '--cfg-options', 'model.width'], 2, 'has no "="'),
        (['{config}', '--cfg-options', 'a=1', '--cfg-options', 'b=1'], 2, "no key 'a'"),
        (['{config}', '--cfg-options', 'test_dataloader.drop_last=True'], 2, 'would leave the last samples out'),
        (['{config}', '--cfg-options', 'model.wdth=3'], 2, "Did you mean 'width'?"),
        (['{config}', '--cfg-options', 'allow_random_weights=False'], 1, 'would be random'),
        (['{config}', '{file}'], 1, 'cannot be read as a checkpoint'),
        (['{config}', '--cfg-options', 'model.fail_at=3'], 1, 'sample 3 is beyond this model'),
    ],
)
def test_what_goes_wrong_is_said_without_traceback(run_tool, toy_config, tmp_path, capfd, arguments, code, said):
    (tmp_path / 'text.pth').write_text('no checkpoint')
    (tmp_path / 'folder.json').mkdir()
    names = {'config': toy_config, 'file': tmp_path / 'text.pth', 'folder': tmp_path / 'folder.json'}
    assert run_tool('test', *(argument.format(**names) for argument in arguments)) == code
    shown = ''.join(capfd.readouterr())
    assert said in shown and 'Traceback' not in shown


def test_a_home_in_paths(run_tool, toy_config, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    work = ('--work-dir', '~/runs', '--out', '~/out.json', '--show-dir', '~/show')
    assert run_tool('test', toy_config, '~/toy.pth', *work) == 0
    assert (tmp_path / 'out.json').is_file() and list((tmp_path / 'runs').glob('*/predictions.jsonl'))
    assert len(list((tmp_path / 'show').iterdir())) == 13 and not Path('~').exists()


def run_distributed(config, checkpoint, processes, folder, *options):
    """Run tools/dist_test.sh on CPUs; returns metrics and predictions."""
    env = {**os.environ, 'PYTHONPATH': f'{TOY_FOLDER}:{ROOT}', 'PORT': '29617'}
    env |= {'CUDA_VISIBLE_DEVICES': '', 'OMP_NUM_THREADS': '1'}
    env['PATH'] = f'{Path(sys.executable).parent}:{env["PATH"]}'
    subprocess.run(
        [
            *('bash', ROOT / 'tools' / 'dist_test.sh', config, checkpoint, str(processes)),
            *('--work-dir', folder, '--out', folder / 'metrics.json', *options),
        ],
        env=env,
        check=True,
        cwd=folder.parent,
        timeout=600,
    )
    (predictions,) = folder.glob('*/predictions.jsonl')
    assert not list(folder.glob('*/journal.rank*'))
    return json.loads((folder / 'metrics.json').read_text()), predictions.read_text()


@pytest.mark.slow
@pytest.mark.parametrize('processes', [2, 3])  # neither divides the 13 samples
def test_several_processes_give_the_score_of_one(run_tool, toy_config, checkpoint, tmp_path, processes):
    assert run_tool('test', toy_config, checkpoint, '--work-dir', 'one', '--out', 'one.json') == 0
    (predictions,) = Path('one').glob('*/predictions.jsonl')
    metrics, merged = run_distributed(toy_config, checkpoint, processes, tmp_path / 'several')
    assert metrics == json.loads(Path('one.json').read_text())
    assert merged == predictions.read_text()
