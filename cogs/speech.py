"""In which language somebody is answered."""

from __future__ import annotations

import logging

import discord
from discord.ext import commands

from cogs.actors import account_of
from cogs.replies import Who, interaction_of
from quota_core.errors import QuotaError
from quota_core.people import People
from wording.language import LANGUAGES, language_of
from wording.words import Words

log = logging.getLogger(__name__)


class Speech:
    """
    Find the language of a person, and remember it.

    The interaction's; else the one the account was last seen with; else the server's, where it is a Community
    server (elsewhere Discord always says en-US); else the default.
    """

    def __init__(self, people: People, *, default_locale: str) -> None:
        self._people = people
        self._default_locale = default_locale
        self._words = {language: Words(language) for language in LANGUAGES}

    async def locale(self, who: Who) -> str:
        """Return the locale of who asked; an interaction's is remembered."""
        interaction = interaction_of(who)
        try:
            if interaction is not None:
                locale = str(interaction.locale)
                await self._people.seen(account_of(interaction.user), locale)
                return locale
            assert isinstance(who, commands.Context)
            known = await self._people.locale_of(account_of(who.author))
        except QuotaError as error:
            # A ledger that cannot be written is no reason to be mute.
            log.warning("the language of a user is neither found nor kept: %s", error)
            known = None if interaction is None else str(interaction.locale)
        return known or self._of_guild(who.guild) or self._default_locale

    async def words(self, who: Who) -> Words:
        """Return the words for who asked."""
        return self._words[language_of(await self.locale(who))]

    def _of_guild(self, guild: discord.Guild | None) -> str | None:
        if guild is None or "COMMUNITY" not in guild.features:
            return None
        return str(guild.preferred_locale)
