import pytest
from PIL import Image


def test_bad_images_are_counted_and_named(toy_cfg, build_runner, capfd):
    bad = list(range(12))
    runner = build_runner(toy_cfg, **{'test_dataloader.dataset.bad': bad})
    metrics = runner.test()
    said = ''.join(capfd.readouterr())
    assert metrics['bad_images'] == 12
    assert '12 images could not be read' in said
    assert '  9.png' in said and '  10.png' not in said and 'and 2 more' in said


def test_no_bad_images_no_word(toy_cfg, build_runner):
    assert 'bad_images' not in build_runner(toy_cfg).test()


def test_pictures_of_the_first_samples(toy_cfg, build_runner, tmp_path):
    hook = {'type': 'VisualizationHook', 'out_dir': str(tmp_path / 'show'), 'max_samples': 3}
    images = {'test_dataloader.dataset.img_dir': str(tmp_path)}
    build_runner(toy_cfg, **{'default_hooks.visualization': hook}, **images).test()
    pictures = sorted((tmp_path / 'show').iterdir())
    assert [p.name for p in pictures] == ['0000_100.png', '0001_101.png', '0002_102.png']
    with Image.open(pictures[0]) as picture:
        assert picture.width > 1000


def test_visualizer_that_cannot_draw_is_an_error(toy_cfg, build_runner):
    hook = {'type': 'VisualizationHook', 'out_dir': 'show'}
    runner = build_runner(toy_cfg, **{'default_hooks.visualization': hook, 'visualizer.type': 'Visualizer'})
    with pytest.raises(ValueError, match="set it to 'FlamingoVisualizer'"):
        runner.test()
