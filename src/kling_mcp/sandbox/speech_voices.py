"""The voices of text to speech and of the old lip-sync: a catalogue apart from the library's.

Contract: capabilities.json, ``lip_sync_voices``; image-audio-general.md section 11. Typed in once more: the client's
list is used nowhere here.
"""

from __future__ import annotations

_BOTH = """
genshin_vindi2 zhinen_xuesheng ai_shatang genshin_klee2 genshin_kirara ai_kaiya ai_chenjiahao_712 chat1_female_new-3
cartoon-boy-07 cartoon-girl-01 ai_huangyaoshi_712 you_pingjing ai_laoguowang_712 chengshu_jiejie laopopo_speech02
heainainai_speech02
"""
_CHINESE = """
tiyuxi_xuedi tiexin_nanyou girlfriend_1_speech02 girlfriend_2_speech02 zhuxi_speech02 uk_oldman3
dongbeilaotie_speech02 chongqingxiaohuo_speech02 chuanmeizi_speech02 chaoshandashu_speech02 ai_taiwan_man2_speech02
xianzhanggui_speech02 tianjinjiejie_speech02 diyinnansang_DB_CN_M_04-v2 yizhipiannan-v1 guanxiaofang-v2
tianmeixuemei-v1 daopianyansang-v1 mengwa-v1
"""
_ENGLISH = """
AOT oversea_male1 girlfriend_4_speech02 chat_0407_5-1 uk_boy1 PeppaPig_platform ai_huangzhong_712 calm_story1 uk_man2
reader_en_m-v1 commercial_lady_en_f-v1
"""

SPEECH_VOICES = frozenset(f"{_BOTH} {_CHINESE} {_ENGLISH}".split())
"""Every id. Whether a voice speaks the other language too is not known, so it is not asked [OWN]."""
