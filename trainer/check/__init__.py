"""The check of stereo pairs for faults that would make a training fail."""
