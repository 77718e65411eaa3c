"""Two healers among servers that fail, by a seed: what was accepted, told and done is counted by everybody else's records."""
