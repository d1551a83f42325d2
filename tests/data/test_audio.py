"""Audio files and their frames: values, and every way in which a file can be wrong."""

import numpy as np
import pytest

from limbeck import ArgumentError, DataError
from limbeck.data.audio import Audio, read_audio
from limbeck.data.filterbanks import cepstra, filterbanks, num_frames, with_deltas

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("kaldi_native_fbank")


def tone(hertz=1000.0, rate=8000, seconds=0.5):
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_what_libsndfile_reads(tmp_path, ending):
    path = tmp_path / f"tone.{ending}"
    soundfile.write(path, tone(), 8000, subtype="PCM_16")
    audio = read_audio(path)
    assert audio.rate == 8000
    np.testing.assert_allclose(audio.samples, tone(), atol=1 / 32768)


def test_nists_spheres_are_read(tmp_path):
    soundfile.write(tmp_path / "tone.sph", tone(rate=16000), 16000, format="NIST", subtype="PCM_16")
    assert read_audio(tmp_path / "tone.sph").rate == 16000


@pytest.mark.parametrize("order", ["<i2", ">i2"])
def test_samples_without_a_header_are_read_in_either_order(tmp_path, order):
    path = tmp_path / "tone.raw"
    path.write_bytes((tone(rate=16000) * 32768).astype(order).tobytes())
    audio = read_audio(path)
    assert audio.rate == 16000
    np.testing.assert_allclose(audio.samples, tone(rate=16000), atol=1 / 32768)


def test_files_that_are_wrong_are_told(tmp_path):
    with pytest.raises(DataError, match="must be there, it can't be read: No such file"):
        read_audio(tmp_path / "none.wav")
    (tmp_path / "broken.wav").write_bytes(b"RIFF no sound at all")
    with pytest.raises(DataError, match="broken.wav must be an audio file"):
        read_audio(tmp_path / "broken.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 8000)
    with pytest.raises(DataError, match="must hold sound, it has no samples"):
        read_audio(tmp_path / "empty.wav")
    soundfile.write(tmp_path / "two.wav", np.zeros((9, 2), np.float32), 8000)
    with pytest.raises(DataError, match="must have one channel, it has 2"):
        read_audio(tmp_path / "two.wav")
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 8000, "FLOAT")
    with pytest.raises(DataError, match="must hold finite samples"):
        read_audio(tmp_path / "nan.wav")
    soundfile.write(tmp_path / "loud.wav", np.array([0.0, -1e30]), 8000, "FLOAT")
    with pytest.raises(DataError, match=r"loud.wav must hold samples in ±1,000, 1 being full scale, .* is 1e\+30"):
        read_audio(tmp_path / "loud.wav")
    for samples in (1, 39):
        soundfile.write(tmp_path / "short.wav", np.zeros(samples), 8000)
        with pytest.raises(DataError, match=f"short.wav must be long enough for a frame, it has {samples} samples"):
            read_audio(tmp_path / "short.wav")
    soundfile.write(tmp_path / "short.wav", np.zeros(40), 8000)
    assert len(filterbanks(read_audio(tmp_path / "short.wav"))) == 1
    (tmp_path / "odd.raw").write_bytes(b"123")
    with pytest.raises(DataError, match="samples of 16 bits, it has 3 bytes"):
        read_audio(tmp_path / "odd.raw")


def test_a_wav_file_that_is_cut_off_is_told_but_no_stream(tmp_path):
    path = tmp_path / "cut.wav"
    soundfile.write(path, tone(), 8000)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    with pytest.raises(DataError, match=r"cut.wav must be whole, its header tells of 8,044 bytes, it has 7,044"):
        read_audio(path)
    path.write_bytes(whole[:4] + b"\xff\xff\xff\xff" + whole[8:40] + b"\xff\xff\xff\xff" + whole[44:])
    np.testing.assert_allclose(read_audio(path).samples, tone(), atol=1 / 32768)


def test_a_tone_is_loudest_in_its_own_filter():
    frames = filterbanks(Audio(tone(), 8000), 20)
    assert frames.shape == (50, 20)
    assert frames.dtype == np.float32
    mel = lambda hertz: 1127 * np.log1p(hertz / 700)  # noqa: E731 - Kaldi's scale, from 20 Hz to half the rate
    own = (mel(1000) - mel(20)) / (mel(4000) - mel(20)) * 21 - 1
    assert abs(frames[25].argmax() - own) < 1
    assert np.array_equal(frames, filterbanks(Audio(tone(), 8000), 20))  # no noise is added


def test_cepstra_are_the_cosine_transform_of_filterbanks():
    import kaldi_native_fbank

    sound = Audio(tone(rate=16000), 16000)
    found = cepstra(sound)
    assert found.shape == (50, 13)
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither, options.frame_opts.snip_edges = 0.0, False
    options.mel_opts.num_bins, options.mel_opts.low_freq, options.mel_opts.high_freq = 40, 130.0, 6800.0
    online = kaldi_native_fbank.OnlineFbank(options)
    online.accept_waveform(16000, (sound.samples * 32768).tolist())
    online.input_finished()
    logs = np.stack([online.get_frame(each) for each in range(50)]).astype(np.float64)
    cosines = np.cos(np.pi / 40 * np.outer(np.arange(13), np.arange(40) + 0.5))
    np.testing.assert_allclose(found, logs @ cosines.T / 40, atol=1e-3)  # as `in_another_voice` takes them
    with pytest.raises(DataError, match="cepstra up to 6800 Hz need 13600 samples a second, got 8000"):
        cepstra(Audio(tone(), 8000))


def test_slopes_are_those_of_a_line_through_five_frames():
    from scipy.signal import savgol_filter

    frames = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    found = with_deltas(frames)
    assert found.shape == (9, 9)
    assert np.array_equal(found[:, :3], frames)
    slope = savgol_filter(frames, 5, 1, deriv=1, axis=0, mode="nearest")
    np.testing.assert_allclose(found[:, 3:6], slope, atol=1e-5)
    np.testing.assert_allclose(found[4, 6:], savgol_filter(slope, 5, 1, deriv=1, axis=0, mode="nearest")[4], atol=1e-5)


def test_too_short_and_too_many():
    assert num_frames(4000, 8000) == 50
    with pytest.raises(DataError, match="long enough for a frame of 25 ms, got 30 samples"):
        filterbanks(Audio(np.zeros(30, np.float32), 8000))
    with pytest.raises(ArgumentError, match=r"num_filters must lie in 1\.\.128, got 0"):
        filterbanks(Audio(tone(), 8000), 0)


def test_whole_numbers_of_16_bits_come_back():
    sound = Audio(np.array([-1, -0.5, 0, 2e-5, 1], np.float32), 8000)
    whole = sound.in_16_bits()
    assert whole.tolist() == [-32767, -16384, 0, 1, 32767]
    again = Audio.from_16_bits(whole, 8000)
    assert again.rate == 8000
    assert again.in_16_bits().tolist() == whole.tolist()
    np.testing.assert_allclose(again.samples, sound.samples, atol=0.5 / 32767)


def test_what_is_louder_than_full_scale_is_clipped():
    assert Audio(np.array([1.5, -1.5], np.float32), 8000).in_16_bits().tolist() == [32767, -32767]
