"""What a run came to, in a tracker: TensorBoard, MLflow or W&B, through Fabric's loggers.

record.py        what is told of a run, read from its folder
names.py         names that every tracker takes
tracker.py       what a tracker is
tensorboard.py   event files in the run's folder
mlflow.py        an MLflow server, by its client
wandb.py         W&B: in the run's folder, or its server where one is logged in
wandb_log.py     what W&B wrote there, read back
sending.py       when: looked for before the first training; opened, linked from the page and told after the last
"""
