"""How Fast DDS is told of config/fastdds.xml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Fast DDS 2 (Humble, Jazzy) reads the first, Fast DDS 3 (Kilted) the second.
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
# The user's choice as well, and without effect beside our profile.
TRANSPORTS_VARIABLE = 'FASTDDS_BUILTIN_TRANSPORTS'


def profile_variables(profile: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """What to add to an environment for a profile: nothing that the user has chosen otherwise."""
    if TRANSPORTS_VARIABLE in environment:
        return {}
    return {name: str(profile) for name in PROFILE_VARIABLES if name not in environment}
