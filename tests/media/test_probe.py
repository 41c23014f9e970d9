"""What a file is follows from its bytes; a damaged one is found out and named."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from kling_mcp.errors import LocalTrouble, Refused
from kling_mcp.media import forms
from kling_mcp.media.forms import Form, sniff
from kling_mcp.media.probe import Facts, probe
from kling_mcp.sandbox.samples import sample_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def saved(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def encoded(picture: Image.Image, form: Form, **options: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, form.reader, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"\0\0\0\x20ftypisom\0\0\2\0", forms.MP4),
        (b"\0\0\0\x20ftypmp42", forms.MP4),
        (b"\0\0\0\x14ftypqt  ", forms.MOV),
        (b"\0\0\0\x1cftypM4A ", forms.M4A),
        (b"\x89PNG\r\n\x1a\n", forms.PNG),
        (b"\xff\xd8\xff\xe0", forms.JPEG),
        (b"RIFF\x10\0\0\0WEBPVP8 ", forms.WEBP),
        (b"RIFF\x10\0\0\0WAVEfmt ", forms.WAV),
        (b"ID3\4\0", forms.MP3),
        (b"\xff\xfb\x90\x64", forms.MP3),
        (b"\xff\xf1\x50\x80", forms.AAC),
        (b"\0\0\0\x1cftypavif", None),
        (b"\0\0\0\x1cftypheic", None),
        (b"RIFF\x10\0\0\0AVI LIST", None),
        (b"<!doctype html>", None),
        (b"#EXTM3U\nfile:///etc/passwd", None),
        (b"GIF89a", None),
        (b"MZ", None),
        (b"", None),
    ],
)
def test_the_first_bytes_say_what_it_is(head: bytes, form: Form | None) -> None:
    assert sniff(head) == form


def test_a_video_has_a_size_and_a_length(tmp_path: Path, video: bytes) -> None:
    assert probe(saved(tmp_path / "v", video)) == Facts(forms.MP4, 1280, 720, 5.041, sound=True)


def test_a_video_says_whether_it_sounds(tmp_path: Path) -> None:
    silent = sample_video(caption="x", label="x", aspect_ratio="1:1", duration_s=0.5, sound=False)
    assert probe(saved(tmp_path / "v", silent)).sound is False


@pytest.mark.parametrize("form", [forms.PNG, forms.JPEG, forms.WEBP])
def test_a_picture_has_a_size(tmp_path: Path, form: Form) -> None:
    path = saved(tmp_path / "p", encoded(Image.new("RGB", (300, 400), "red"), form))
    assert probe(path) == Facts(form, 300, 400)


def test_a_picture_lying_on_its_side_is_measured_upright(tmp_path: Path) -> None:
    lying = Image.new("RGB", (300, 400))
    orientation = lying.getexif()
    orientation[0x0112] = 6
    path = saved(tmp_path / "p", encoded(lying, forms.JPEG, exif=orientation))
    assert probe(path) == Facts(forms.JPEG, 400, 300)


@pytest.mark.parametrize("extension", ["m4a", "mp3", "wav", "aac"])
def test_a_sound_has_a_length(tmp_path: Path, sound: Callable[[str], bytes], extension: str) -> None:
    facts = probe(saved(tmp_path / "s", sound(extension)))
    assert facts.form.extension == f".{extension}"
    assert (facts.width, facts.height) == (None, None)
    assert facts.duration_s == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.99])
def test_a_video_that_was_cut_off_is_found_out(tmp_path: Path, video: bytes, keep: float) -> None:
    with pytest.raises(Refused, match=r"v\.mp4 is a damaged video/mp4 file") as raised:
        probe(saved(tmp_path / "v.mp4", video[: int(len(video) * keep)]))
    assert raised.value.failure.code == "damaged_media"


def test_a_picture_that_was_cut_off_is_found_out(tmp_path: Path, picture: bytes) -> None:
    with pytest.raises(Refused, match="damaged image/png"):
        probe(saved(tmp_path / "p.png", picture[: len(picture) // 2]))


@pytest.mark.parametrize(
    "head", [b"\0\0\0\x20ftypisom", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\x10\0\0\0WAVE", b"ID3\4\0"]
)
def test_rubbish_behind_a_good_beginning_is_found_out(tmp_path: Path, head: bytes) -> None:
    with pytest.raises(Refused, match="damaged"):
        probe(saved(tmp_path / "x", head + b"rubbish " * 200))


def test_a_playlist_in_disguise_reads_no_other_file(tmp_path: Path) -> None:
    secret = saved(tmp_path / "secret", b"secret")
    disguised = b"ID3\4\0\0\0\0\0\0#EXTM3U\n#EXTINF:1,\nfile://" + str(secret).encode() + b"\n#EXT-X-ENDLIST\n"
    with pytest.raises(Refused):
        probe(saved(tmp_path / "x", disguised))


def test_what_is_no_medium_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="neither a picture nor a video nor a sound"):
        probe(saved(tmp_path / "x", b"hello"))


def test_a_file_that_is_gone_can_be_fetched_again(tmp_path: Path) -> None:
    with pytest.raises(LocalTrouble, match="cannot be read") as raised:
        probe(tmp_path / "gone.mp4")
    assert "get_job" in raised.value.failure.fix
