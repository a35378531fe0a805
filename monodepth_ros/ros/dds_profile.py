"""How Fast DDS is told of config/fastdds.xml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Fast DDS 2 (Humble, Jazzy) reads the first; Kilted wants the second, but still takes the first.
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
# Without effect beside a profile.
TRANSPORTS_VARIABLE = 'FASTDDS_BUILTIN_TRANSPORTS'


def profile_variables(profile: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """What to add to an environment for a profile; nothing where the user chose a transport."""
    if any(name in environment for name in (*PROFILE_VARIABLES, TRANSPORTS_VARIABLE)):
        return {}
    return dict.fromkeys(PROFILE_VARIABLES, str(profile))
