"""tools/dev/benchmark.py and its parts."""

import importlib.util
import json
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

TOOLS = Path(__file__).parents[2] / 'tools' / 'dev'
CONFIG = 'configs/flamingo/flamingo-tiny_zeroshot_caption.py'


@pytest.fixture(scope='module')
def tool():
    """The script as a module; its parts are `tool.limit`, `tool.ours`, ..."""
    sys.path.insert(0, str(TOOLS))
    try:
        spec = importlib.util.spec_from_file_location('benchmark_tool', TOOLS / 'benchmark.py')
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.pop(0)


def test_a_config_from_the_command_line_to_the_tables(tool, tmp_path, monkeypatch, capsys):
    out, plot = tmp_path / 'results.json', tmp_path / 'plot.png'
    options = [
        '--shots',
        '0',
        '2',
        '--samples',
        '4',
        '--turns',
        '2',
        '--batch-size',
        '3',
        '--out',
        str(out),
        '--plot',
        str(plot),
    ]
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', CONFIG, *options])
    monkeypatch.setenv('PATH', '')  # no Java, which takes seconds to start
    tool.main()
    results = json.loads(out.read_text())
    assert [result['shots'] for result in results] == [0, 2]
    for result in results:
        assert result['samples'] == 4 and len(result['rates']) == 2 and result['peer'] == {}
        assert set(result['stages']) == set(tool.stages.STAGES)
        assert all(seconds > 0 for seconds in result['stages'].values())
        assert sum(result['stages'].values()) < 4 * 4 / min(result['rates'])
        assert 0.2 < result['matrix_share'] < 1
        assert result['limit'] > max(result['rates'])
        (first, last), (early, late) = zip(*result['progress'], strict=True)
        assert (first, last) == (3, 4) and 0 < early < late == pytest.approx(4 / max(result['rates']))
        assert result['scores']['CIDEr'] > 0
    assert plot.read_bytes().startswith(b'\x89PNG')
    shown = capsys.readouterr().out
    assert '| 2 | 3 |' in shown and '| vision |' in shown


def test_turns_with_the_model_compiled(tool, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'results.json'
    options = '--shots 1 --samples 3 --turns 2 --batch-size 2 --compile backend=eager --processor-time'.split()
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', CONFIG, *options, '--out', str(out)])
    monkeypatch.setenv('PATH', '')
    tool.main()
    (result,) = json.loads(out.read_text())
    peer = result['peer']
    assert len(peer['rates']) == len(result['rates']) == 2
    assert peer['batch_size'] == 2 and peer['samples'] == peer['identical'] == 3
    assert '| compiled: batch |' in capsys.readouterr().out


def test_a_stage_within_another_counts_for_itself_alone(tool):
    clock = tool.stages.StageClock()
    inner = clock.timed('inner', lambda: time.sleep(0.05))
    clock.timed('outer', lambda: (time.sleep(0.02), inner()))()
    assert clock.seconds['inner'] == pytest.approx(0.05, abs=0.02)
    assert clock.seconds['outer'] == pytest.approx(0.02, abs=0.02)


def test_a_watched_model_is_left_as_it_was(tool):
    model = tool.get_model(CONFIG)
    cfg = Config.fromfile(CONFIG)
    dataset = tool.ours.build_dataset(cfg, 1, 2)
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]
    clock = tool.stages.StageClock()
    with tool.stages.watched(model, dataset, clock), tool.limit.watched(model) as work:
        watched = tool.ours.run(model, dataset, 2)
    assert [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()] == hooks
    seconds, asked = dict(clock.seconds), len(work.prompts)
    assert tool.ours.run(model, dataset, 2).captions == watched.captions
    assert clock.seconds == seconds and len(work.prompts) == asked == 2


@pytest.mark.parametrize(('blind', 'common'), [([3, 2], 2), ([2, 1], 1), ([0, 0], 0)])
def test_the_fewest_operations_counted_by_hand(tool, blind, common):
    model = tool.get_model(CONFIG)
    work = tool.limit.Work(media={'a', 'b'}, prompts=[[0, 1, 2, 3], [0, 1, 4]], blind=blind, decoded=10)
    shape = (1, 3, 128, 128)
    layer = 4 * 192**2 + 3 * 192 * 512  # attention and gated feed-forward of LLaMA
    block = 2 * 192 * 192 + 2 * 4 * 192**2  # to_q, to_out, feed-forward
    token = 6 * (2 * layer + 2 * block + 4 * 32 * 192)
    vocabulary = 2 * 192 * len(model.tokenizer)
    projections = 2 * 6 * (32 * 192 * 2 * 192)  # keys and values of a medium
    pairs = 6 * 4 * 192
    read = common + (4 - common) + (3 - common)  # what is common, and the rest of each
    pairs_read = common**2 / 2 + (4**2 - common**2) / 2 + (3**2 - common**2) / 2
    text = read * token + pairs_read * pairs + 2 * vocabulary + 10 * (token + vocabulary + 3.5 * pairs)
    one = tool.limit._encoding_flops(model, shape)
    assert tool.limit.fewest_flops(model, work, shape) == pytest.approx(text + 2 * (one + projections), rel=1e-9)
    vision = 64 * 2 * 3 * 16**2 * 192 + 6 * (65 * 2 * 12 * 192**2 + 4 * 65**2 * 192)
    assert one == pytest.approx(vision, rel=0.5) and one > vision, 'the resampler comes on top'


def test_the_rate_of_matrix_products_is_one(tool):
    assert 1e8 < tool.limit.gemm_rate(torch.float32, torch.device('cpu'), size=256, turns=2) < 1e14


def test_the_table_names_the_ratio_of_the_best_turns(tool):
    peer = {'batch_size': 2, 'tried': {2: 1.0, 8: 0.5}, 'samples': 3, 'rates': [0.5, 1.0], 'identical': 3}
    memory = {'peak_bytes': 2**31, 'working_bytes': 2**29}
    result = tool.Result(
        4, 8, 6, [6.0, 8.0], limit=16, stages={}, matrix_share=0.5, metric_seconds=0, scores={}, progress=[], **memory
    )
    result.peer = {**peer, **memory}
    table = tool.report.speed_table([result], 'mmpretrain')
    assert '| **8** | 6 8 | 50 % | 2.00 GiB (+ 0.50) |' in table
    assert '| 2 (2: 1, 8: 0.5) | 1 |' in table
    assert '| **8.0 x** | 3 of 3 |' in table


def test_the_fastest_batch_size_goes_on(tool):
    asked = []

    def run(size, samples):
        asked.append((size, samples))
        return {'seconds': {2: 1.0, 8: 2.0, 32: 16.0}[size]}

    assert tool.fastest_size(run, [2, 8, 32]) == (8, {2: 2.0, 8: 4.0, 32: 2.0})
    assert asked == [(2, 2), (8, 8), (32, 32)]
    assert tool.fastest_size(run, [4]) == (4, {}), 'one alone is not tried'


@pytest.mark.parametrize(('values', 'expected'), [([8], [8, 8, 8]), ([16, 4], [16, 4, 4]), ([1, 2, 3], [1, 2, 3])])
def test_a_setting_for_each_number_of_shots(tool, values, expected):
    assert list(tool.for_each_shots(values, [0, 4, 32]).values()) == expected


def test_the_padded_vocabulary_is_read(tool, tmp_path):
    from parity.files import write_tokenizer
    from sentencepiece import SentencePieceProcessor

    write_tokenizer(['a red ball and a green cat'] * 50, tmp_path, 30)
    path = tmp_path / 'tokenizer.model'
    before = SentencePieceProcessor(model_file=str(path)).encode('a green ball')
    tool.setup._pad_vocabulary(path, 1000)
    padded = SentencePieceProcessor(model_file=str(path))
    assert padded.vocab_size() == 1000
    assert padded.encode('a green ball') == before
    assert padded.decode([999]) == 'unused999'


def test_a_peer_that_breaks_off_shows_the_end_of_its_log(tool, tmp_path):
    with pytest.raises(SystemExit, match=r'(?s)peer_mmpretrain.py.* broke off:.*Error'):
        tool.Peer(sys.executable, 'mmpretrain', tmp_path, threads=1)
