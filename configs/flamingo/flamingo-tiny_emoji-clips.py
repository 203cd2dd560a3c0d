_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/flamingo-tiny.py',
    '../_base_/datasets/emoji-clips.py',
]

model = dict(resampler=dict(max_frames=4, grid_size=8))
