"""The configuration of one installation: every room declares its own part, this room assembles and loads them."""

from healer.settings.load import SettingsError, default_settings, load_settings, parse_settings
from healer.settings.model import Settings

__all__ = ["Settings", "SettingsError", "default_settings", "load_settings", "parse_settings"]
