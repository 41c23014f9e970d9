"""Every effect there is: its name, how many pictures it takes, and whether it is still offered.

Contract: video.md A11 and ``effects`` of capabilities.json (vendor documentation of 2026-09-20, and the change log).
Kling gives no descriptions: a scene is found by the words of its name, in ``effect_search``.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Standing = Literal["offered", "ending", "mentioned", "discontinued"]
"""offered: listed by Kling. ending: listed, though its end was announced. mentioned: only in Kling's change log or
older pages. discontinued: its end was announced and it is listed no more."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One scene.

    Attributes:
        name: What Kling calls it.
        images: How many pictures it takes, one or two; None where that is not known.
        standing: Whether it is offered.
        ended: When its end was announced, ISO date; None where it was not.
        successor: The scene that took its place; None where there is none.
    """

    name: str
    images: int | None
    standing: Standing = "offered"
    ended: str | None = None
    successor: str | None = None


_SINGLE = """
    net_the_fish birthday_board summer_fireworks blow_blaze champagne_birthday pet_working_daily pet_roll_window
    pet_crash_earth makeup_style hair_dressup barbie_transform critter_paste wiggle_faces_pets paw_headbang
    food_splash dj_pet pet_diving disco_paws pet_fitness j_var_live pet_burst idol_live beast_striker
    african_sway jealousy_sway chubby_fish shrug_dance soccer_star bra_hot_dance arg_hot_dance fra_hot_dance
    bra_goal arg_goal por_goal victory_slide samba_fever bicycle_kick football_dance_2 red_card_sent_off
    football_dance magic_world_vlog magic_world_vlog_9_16 air_dunk whirling_beverage_9_16 tennis_trend
    tennis_trend_9_16 football_live_9_16 whirling_beverage f1_live football_live spielberg_transition
    korean_baseball_9_16 korean_baseball tiny_beast_printer landmark_reveal winter_charm flash_ride
    maestro_of_magic magic_carpet_ride good_luck_spirit shooting_star sparkler_wand sovereign_scepter dirt_rush
    return_of_the_king dance_with_dragon minimalist_light martial_meow sassy_shake knock_at_a_door_revenge
    palm_sized_figure_pro prank_box perler_beads spring_bloom get_rich_quick make_it_rain twist_shake
    the_hip_sway send_my_love funky_martian wealth_drive the_high_kick the_exercise lucky_veggie flash_drive
    shush_my_dreams advent_of_flora raid_check fortune_in_motion chinese_trend sedan_chair_dance skyfall
    good_luck_dance laicai_dance yangge_dance color_mixing lantern_festival_cuju unique_firework
    unique_spring_couplets horse_mask fortune_knocks_cartoon tangyuan_to_animal hot_feet_dance swag_dance
    pigeon_dance bloodline_dance chanel_dance cute_dance love_theme_song pumpitup_dance city_to_village
    fortune_god_transform new_year_feast ring_in_new horse_year_firework crystal_horse drunk_dance
    drunk_dance_pet daoma_dance bouncy_dance smooth_sailing_dance new_year_greeting lion_dance prosperity
    great_success golden_horse_fortune red_packet_box lucky_horse_year lucky_red_packet lucky_money_come
    lion_dance_pet dumpling_making_pet fish_making_pet pet_red_packet lantern_glow expression_challenge
    overdrive heart_gesture_dance poping martial_arts running nezha motorcycle_dance subject_3_dance
    ghost_step_dance phantom_jewel zoom_out dollar_rain_pro pet_bee_pro countdown_teleport santa_random_surprise
    magic_match_tree bullet_time_360 happy_birthday birthday_star thumbs_up_pro tiger_hug_pro pet_lion_pro
    surprise_bouquet bouquet_drop glamour_photo_shoot box_of_joy first_toast_of_the_year my_santa_pic santa_gift
    steampunk_christmas snowglobe christmas_photo_shoot ornament_crash santa_express instant_christmas
    coronation_of_frost building_sweater spark_in_the_snow scarlet_and_snow bullet_time_lite jumping_ginger_joy
    pure_white_wings black_wings golden_wing pink_pink_wings venomous_spider throne_of_king luminous_elf
    woodland_elf guardian_spirit swish_swish snowboarding witch_transform vampire_transform
    pumpkin_head_transform demon_transform mummy_transform zombie_transform cute_pumpkin_transform
    halloween_escape pet_moto_rider running_man 3d_cartoon_2 pet_dance swing_swing day_to_night surfsurf
    skateskate
"""

_DUAL = """
    pet_skateboard daily_ootd toss_run switch_to_silk studio_look french_elegance finger_swipe smooth_transition
    kiss_pro snow_night_kiss eternal_kiss cheers_2026 fight_pro hug_pro heart_gesture_pro
"""

# Name → announced on, how many pictures it took, what took its place.
_ENDED: Mapping[str, tuple[str, int, str | None]] = MappingProxyType(
    {
        "celebration": ("2025-12-30", 1, None),
        "c4d_cartoon": ("2025-12-30", 1, None),
        "kiss": ("2026-01-30", 2, "kiss_pro"),
        "fight": ("2026-01-30", 2, "fight_pro"),
        "hug": ("2026-01-30", 2, "hug_pro"),
        "thumbs_up": ("2026-01-30", 1, "thumbs_up_pro"),
        "tiger_hug": ("2026-01-30", 1, "tiger_hug_pro"),
        "pet_lion": ("2026-01-30", 1, "pet_lion_pro"),
        "3d_cartoon_1": ("2026-01-30", 1, "3d_cartoon_2"),
        "magic_match_tree": ("2026-07-03", 1, None),
    }
)

# Named in the change log or, the first, in the vendor's pages of 2025; in no list of today. Spelled as there.
_MENTIONED: Mapping[str, tuple[int | None, str | None]] = MappingProxyType(
    {
        "heart_gesture": (2, "heart_gesture_pro"),
        "puff_cheeks": (None, None),
        "horse_year_dance": (None, None),
        "pet_vlogger": (None, None),
        "lateral_shift_transitionl": (None, None),
        "palm_sized_figure": (None, "palm_sized_figure_pro"),
    }
)


def _effects() -> Iterator[Effect]:
    for names, images in ((_SINGLE, 1), (_DUAL, 2)):
        for name in names.split():
            ended = _ENDED[name][0] if name in _ENDED else None
            yield Effect(name, images, "ending" if ended else "offered", ended)
    for name, (images, successor) in _MENTIONED.items():
        yield Effect(name, images, "mentioned", successor=successor)


def _ended(listed: Mapping[str, Effect]) -> Iterator[Effect]:
    for name, (date, images, successor) in _ENDED.items():
        if name not in listed:
            yield Effect(name, images, "discontinued", date, successor)


_LISTED = {effect.name: effect for effect in _effects()}

EFFECTS: Mapping[str, Effect] = MappingProxyType(_LISTED | {effect.name: effect for effect in _ended(_LISTED)})
"""Every scene by name: those offered in Kling's order, then those only mentioned, then the discontinued."""
