"""The robot side: one camera's topic in, metric depth out. Imports no torch, ever."""
