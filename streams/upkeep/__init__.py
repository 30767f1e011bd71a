"""What nobody waits for: scheduled and queued work in the background, each a job that survives a
crash."""
