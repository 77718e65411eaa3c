"""trigger_pipeline: a pipeline at GitHub, GitLab or Jenkins, started once and followed to its end."""
