# A control: the model sees the middle frame alone, four times. It is part of the second that a clip lasts.
_base_ = ['./flamingo-tiny_emoji-clips.py']

test_dataloader = dict(dataset=dict(video_name='clip{video_id}.avi#t=0.4,0.5'))
