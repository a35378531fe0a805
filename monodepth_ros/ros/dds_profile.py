"""Environment variables that make Fast DDS read config/fastdds.xml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Fast DDS 2 (Humble, Jazzy) reads the first; Kilted expects the second, but accepts the first.
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
# A profile overrides this variable.
TRANSPORTS_VARIABLE = 'FASTDDS_BUILTIN_TRANSPORTS'


def profile_variables(profile: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to set for a profile; none where the user chose a transport."""
    if any(name in environment for name in (*PROFILE_VARIABLES, TRANSPORTS_VARIABLE)):
        return {}
    return dict.fromkeys(PROFILE_VARIABLES, str(profile))
