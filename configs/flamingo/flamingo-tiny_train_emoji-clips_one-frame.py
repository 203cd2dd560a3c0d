# A control: the same training on the middle frame alone, four times.
_base_ = ['./flamingo-tiny_train_emoji-clips.py']

one_frame = {**_base_.questions, 'video_name': 'clip{video_id}.avi#t=0.4,0.5'}
train_dataloader = dict(dataset=dict(sources=[one_frame]))
