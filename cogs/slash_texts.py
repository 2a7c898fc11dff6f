"""The texts that Discord itself shows for slash commands: English at home, the others through its translator."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from wording.help_card import command_text, option_text
from wording.language import LANGUAGES, language_of
from wording.words import Words

_ENGLISH = Words("en")


def command_english(command: str) -> str:
    """Return the description of a command in English, as discord.py registers it."""
    return command_text(command, _ENGLISH)


def option_english(command: str, option: str) -> str:
    """Return the description of a command's option in English."""
    return option_text(command, option, _ENGLISH)


class SlashTexts(app_commands.Translator):
    """
    Descriptions in every language the bot speaks.

    Names stay as they are: help, cards and prefix form call a command by one name in every language.
    Texts of other people's cogs that are not ours to translate stay too.
    """

    async def translate(
        self,
        _string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return a description in the language of `locale`, None to leave the English one."""
        language = language_of(str(locale))
        if language == LANGUAGES[0]:
            return None
        words = Words(language)
        data: Any = context.data
        try:
            if context.location in (Location.command_description, Location.group_description):
                return command_text(data.qualified_name, words)
            if context.location is Location.parameter_description:
                return option_text(data.command.qualified_name, data.name, words)
        except KeyError:
            return None
        return None
