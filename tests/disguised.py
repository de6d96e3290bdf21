"""What tells pictures that were disguised from others, without a word of who made them."""

from hush.disguise import _usual, spoken
from hush.image import decode


def is_disguised(picture: bytes) -> bool:
    """Tell whether a picture's bands have everybody's mean, which no voice has of itself."""
    image = decode(picture)
    seen = 4 * image.spectrogram() - 4  # log10 of power again, but for a constant
    usual, _ = _usual(image.mel_bins)
    return float((spoken(seen).mean(axis=1) - usual[:, 0]).std()) < 0.25
