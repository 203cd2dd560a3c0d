from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_row_for_each_quantisation(run_tool, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert run_tool('dev/quantization', '--samples', 3, '--turns', 2) == 0
    _, _, *rows = (line for line in capsys.readouterr().out.splitlines() if line.startswith('|'))
    table = {cells[0]: cells[1:] for cells in ([cell.strip() for cell in row.strip('|').split('|')] for row in rows)}
    linear = {name: float(cells[0]) for name, cells in table.items()}
    assert linear == {'float32': 10.1, 'int8': 2.6, 'nf4': 1.4}
    rest = {round(float(cells[1]) - linear[name], 1) for name, cells in table.items()}
    assert max(rest) - min(rest) < 0.11 and min(rest) > 0.6, 'embeddings and norms stay as they are'
    assert [len(cells[3].split()) for cells in table.values()] == [2, 2, 2]
    assert table['float32'][2] == '1.00' and table['float32'][4] == '3 of 3'
