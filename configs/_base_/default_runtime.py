# Shared by every config: how a run logs, saves and starts.
default_scope = 'mmflamingo'
runner_type = 'FlamingoRunner'

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=10),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=1000, by_epoch=False, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    bad_images=dict(type='BadImageHook'),
    dropped_shots=dict(type='DroppedShotsHook'),
    visualization=dict(type='VisualizationHook'),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0, deterministic=False)

log_processor = dict(by_epoch=False, window_size=10)
log_level = 'INFO'
visualizer = dict(type='FlamingoVisualizer', vis_backends=[dict(type='LocalVisBackend')])

load_from = None
resume = False
